/**
 * Runs programs one after another in this process, and prints a JSON object a line for each: what it printed, and what it
 * threw. `node run-fences.ts FILE...`
 */
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { FenceRun } from "./fences.ts";

const { stdout, stderr } = process;
const report = stdout.write.bind(stdout);

/** Keeps what goes to a stream. */
function capture(stream: NodeJS.WriteStream): string[] {
  const texts: string[] = [];
  stream.write = (text: string | Uint8Array) => texts.push(Buffer.from(text).toString()) > 0;
  return texts;
}

for (const file of process.argv.slice(2)) {
  const [printed, complained] = [capture(stdout), capture(stderr)];
  let thrown: string | undefined;
  try {
    await import(pathToFileURL(path.resolve(file)).href);
  } catch (error) {
    thrown = error instanceof Error ? error.stack : String(error);
  }
  const run: FenceRun = { file, stdout: printed.join(""), stderr: complained.join(""), thrown };
  report(`${JSON.stringify(run)}\n`);
}
