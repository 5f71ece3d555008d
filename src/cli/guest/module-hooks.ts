/**
 * How guests' modules are found and read: TypeScript without a build step, and `guestwright` as this installation. Node calls
 * these functions in a thread of their own before 22.15, in the importing thread since.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type * as Oxc from "oxc-transform";

/** Where this file is, for Node to load it in the thread of the hooks. */
export const hooksUrl: string = import.meta.url;

interface ResolveContext {
  readonly parentURL?: string;
}

interface Loaded {
  readonly format: string;
  readonly source?: unknown;
  readonly shortCircuit?: boolean;
}

/** What of the syntax Node itself understands is left as it is. */
const target = `node${process.versions.node}`;

const typeScript = /\.m?ts$/;

/** The packages that are always those of this installation: itself, and what transformed code calls. */
const ownPackages = /^(?:guestwright|@oxc-project\/runtime)(?:\/|$)/;

/** Names a module for the next hook, or for Node. */
export function resolve<Result>(
  specifier: string,
  context: ResolveContext,
  next: (specifier: string, context: ResolveContext) => Result,
): Result {
  if (ownPackages.test(specifier)) return next(specifier, { ...context, parentURL: import.meta.url });
  return next(toTypeScript(specifier, context.parentURL), context);
}

/** TypeScript that was written to be compiled imports `./tables.js` and means `./tables.ts`. */
function toTypeScript(specifier: string, parent: string | undefined): string {
  if (!/^\.\.?\/.*\.m?js$/.test(specifier) || parent === undefined || !typeScript.test(parent)) return specifier;
  const source = specifier.replace(/js$/, "ts");
  const isThere = (name: string): boolean => existsSync(new URL(name, parent));
  return !isThere(specifier) && isThere(source) ? source : specifier;
}

let oxc: typeof Oxc | undefined;

/** Loads native code for the first module, in 10 ms: of the thread that hooks may have and the one that starts it, one needs it. */
function transform(file: string, source: string): Oxc.TransformResult {
  oxc ??= createRequire(import.meta.url)("oxc-transform") as typeof Oxc;
  return oxc.transformSync(file, source, { lang: "ts", sourceType: "module", target, sourcemap: true });
}

/** Reads a module. */
export function load<Context, Result>(
  url: string,
  context: Context,
  next: (url: string, context: Context) => Result,
): Result | Loaded {
  if (!url.startsWith("file:") || !typeScript.test(url) || url.includes("/node_modules/")) return next(url, context);
  const file = fileURLToPath(url);
  const source = readFileSync(file, "utf8");
  const { code, map, errors } = transform(file, source);
  const [error] = errors;
  if (error !== undefined) throw syntaxError(url, source, error);
  const mapUrl = `data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString("base64")}`;
  return { format: "module", source: `${code}\n//# sourceMappingURL=${mapUrl}`, shortCircuit: true };
}

/** An error whose stack begins where the source is wrong, as those of Node do. */
function syntaxError(url: string, source: string, { message, labels: [label] }: Oxc.OxcError): SyntaxError {
  // Offsets are of bytes, in UTF-8.
  const before = Buffer.from(source).subarray(0, label?.start).toString().split("\n");
  const error = new SyntaxError(message);
  error.stack = `${error.name}: ${message}\n    at ${url}:${before.length}:${before.at(-1)!.length + 1}`;
  return error;
}
