/** Runs the command line: within this process, or as the program that users start. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import { main } from "../../src/cli/main.ts";
import type { Terminal } from "../../src/cli/output/terminal.ts";
import { fromSource, run, type Ended } from "../project/child.ts";
import { packageRoot } from "../project/source-files.ts";

/** The arguments by which Node runs the program from source. */
export const program: readonly string[] = [...fromSource, path.join(packageRoot, "src/cli/bin.ts")];

/** The program in a process of its own. */
export function guestwright(words: readonly string[], options: Parameters<typeof run>[2] = {}): Promise<Ended> {
  return run(process.execPath, [...program, ...words], options);
}

/** The same within this process, without colour: for what is no module. */
export async function called(words: readonly string[], terminal: Partial<Terminal> = {}): Promise<Ended> {
  const written = { stdout: "", stderr: "" };
  const write = (stream: keyof typeof written) => (text: string | Uint8Array) =>
    void (written[stream] += typeof text === "string" ? text : Buffer.from(text).toString("latin1"));
  const plain = (_style: unknown, text: string): string => text;
  const status = await main(words, {
    out: write("stdout"),
    err: write("stderr"),
    paint: plain,
    paintError: plain,
    showsProgress: false,
    input: () => new Uint8Array(),
    ...terminal,
  });
  return { status, ...written };
}

/** A temporary folder with these files in it, for the length of a test. */
export function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(path.join(tmpdir(), "guestwright-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(folder, name), content);
  return folder;
}
