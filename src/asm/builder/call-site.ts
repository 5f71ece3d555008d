/**
 * Where in the author's source a builder method was called. Taking the stack costs about a microsecond; turning it into
 * text, and mapping it through source maps, waits until somebody asks.
 */
import type { QuotedLocation } from "../asm-error.ts";

/** A captured stack of one frame, or a place in text. */
export interface CallSite {
  readonly stack?: string;
  readonly inText?: { locate(): QuotedLocation };
}

/** What the author called, where that is not the method that records the statement. */
let outermost: ((...args: never[]) => unknown) | undefined;

/** Does something on behalf of `method`: statements that are recorded meanwhile were written where `method` was called. */
export function onBehalfOf<T>(method: (...args: never[]) => unknown, action: () => T): T {
  const before = outermost;
  outermost = method;
  try {
    return action();
  } finally {
    outermost = before;
  }
}

/** Whether what is recorded has no author but this library. */
let isGenerated = false;

/** Does something whose statements the library writes by itself: they come from no place in an author's source. */
export function withoutCallSites<T>(action: () => T): T {
  const before = isGenerated;
  isGenerated = true;
  try {
    return action();
  } finally {
    isGenerated = before;
  }
}

/** Captures the caller of `method`: frames from `method` up are left out. Empty for what is generated. */
export function captureCallSite(method: (...args: never[]) => unknown): CallSite {
  const site: CallSite = {};
  if (isGenerated) return site;
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 1;
  Error.captureStackTrace(site, outermost ?? method);
  Error.stackTraceLimit = limit;
  return site;
}

const framePlace = /(?:\(|at (?:async )?)((?:file:\/\/)?[^()]+):(\d+):(\d+)\)?$/m;

/** The place of a call site, its file relative to the package that holds it; `undefined` where the stack tells none. */
export function locate(site: CallSite): QuotedLocation | undefined {
  if (site.inText !== undefined) return site.inText.locate();
  const place = framePlace.exec(site.stack ?? "");
  if (place === null) return undefined;
  const [, file, line, column] = place;
  return { file: relativeToPackage(pathOf(file!)), line: Number(line), column: Number(column) };
}

function pathOf(file: string): string {
  return file.startsWith("file://") ? decodeURIComponent(new URL(file).pathname) : file.replaceAll("\\", "/");
}

/** What is needed of `node:fs`; Node hands it out without an import, and a browser has none. */
interface FileSystem {
  existsSync(path: string): boolean;
}

const fileSystem = (
  globalThis as { process?: { getBuiltinModule?(name: "node:fs"): FileSystem } }
).process?.getBuiltinModule?.("node:fs");

const packageFolders = new Map<string, string>();

/** Cuts off the nearest folder above that has a package.json; a path in none stays as it is. */
function relativeToPackage(path: string): string {
  const folder = path.slice(0, path.lastIndexOf("/"));
  let root = packageFolders.get(folder);
  if (root === undefined) {
    root = folder;
    while (root !== "" && fileSystem?.existsSync(`${root}/package.json`) !== true)
      root = root.slice(0, root.lastIndexOf("/"));
    packageFolders.set(folder, root);
  }
  return root === "" ? path : path.slice(root.length + 1);
}
