/**
 * Runs a program of this repository from its TypeScript: `node scripts/run-source.mjs examples/run.ts long-mode`. It is
 * bundled first, with what it imports of `src`, since Node takes longer to find and read three hundred modules one by one.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

// An `import` of CommonJS would first search it for the names that it exports.
const { build, stop } = createRequire(import.meta.url)("esbuild");

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
/** In the package, so that its dependencies are found from there. */
const cache = path.join(root, "node_modules/.cache/guestwright");
const DAY_MS = 86_400_000;

/** A folder for this process alone. It goes when the process ends; where that is killed, a day later. */
function ownFolder() {
  mkdirSync(cache, { recursive: true });
  for (const each of readdirSync(cache).map((name) => path.join(cache, name))) {
    const { mtimeMs } = statSync(each, { throwIfNoEntry: false }) ?? {};
    if (mtimeMs < Date.now() - DAY_MS) rmSync(each, { recursive: true, force: true });
  }
  const folder = mkdtempSync(`${cache}${path.sep}run-`);
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const [program] = process.argv.splice(2, 1);
const folder = ownFolder();
const { dependencies } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
await build({
  entryPoints: [program],
  outdir: folder,
  entryNames: "program",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  // What is imported when it is needed may never be. Examples are: so their lines have maps of their own, and who asks for one
  // line waits until the map of its file is read whole.
  splitting: true,
  conditions: ["guestwright-source"],
  external: Object.keys(dependencies),
  define: { "import.meta.url": JSON.stringify(pathToFileURL(program)) },
  format: "esm",
  platform: "node",
  target: "node20.19",
  sourcemap: true,
  sourcesContent: false,
  logLevel: "warning",
}).catch(() => process.exit(1)); // What is wrong has been printed.
// esbuild is a process of its own, which would stay as long as the program.
await stop();
process.setSourceMapsEnabled(true);
await import(pathToFileURL(path.join(folder, "program.mjs")).href);
