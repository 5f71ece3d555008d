/** Runs the command line without a process of its own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import { main } from "../../src/cli/main.ts";
import type { Terminal } from "../../src/cli/output/terminal.ts";
import type { Ended } from "../project/child.ts";

/** A command line within this process, without colour: for guests that are no modules. */
export async function called(words: readonly string[], terminal: Partial<Terminal> = {}): Promise<Ended> {
  const written = { stdout: "", stderr: "" };
  const write = (stream: keyof typeof written) => (text: string | Uint8Array) =>
    void (written[stream] += typeof text === "string" ? text : Buffer.from(text).toString("latin1"));
  const plain = (_style: unknown, text: string): string => text;
  const status = await main(words, {
    out: write("stdout"),
    err: write("stderr"),
    keepOutput: () => undefined,
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
