#!/usr/bin/env node
/** The program `guestwright`: the process around {@link main}. */
import { readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import type { WriteStream } from "node:tty";
import { styleText } from "node:util";
import { CliError } from "./cli-error.ts";
import { writeFailure } from "./file-failure.ts";
import { main, tellError, tellStray } from "./main.ts";
import type { Paint, Terminal } from "./output/terminal.ts";

/** Colours where the stream shows them; NO_COLOR and FORCE_COLOR decide first. `util.styleText` knows. */
function paintFor(stream: WriteStream): Paint {
  return (style, text) => styleText(style, text, { stream });
}

const { stdout, stderr } = process;
const write = stdout.write.bind(stdout);
const words = process.argv.slice(2);

const terminal: Terminal = {
  out: (text) => void write(text),
  err: (text) => void stderr.write(text),
  keepOutput: () => void (stdout.write = stderr.write.bind(stderr)),
  paint: paintFor(stdout),
  paintError: paintFor(stderr),
  showsProgress: stderr.isTTY,
  input: () => readFileSync(0),
};

for (const [name, stream] of Object.entries({ "standard output": stdout, "standard error": stderr })) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // The reader has seen enough: `guestwright … | head`.
    if (error.code === "EPIPE") process.exit(0);
    const failure = new CliError(`cannot write ${name}: ${writeFailure(error)}`, { code: "NOT_WRITTEN", cause: error });
    const nowhere = { ...terminal, err: () => undefined };
    process.exit(tellError(failure, words, stream === stderr ? nowhere : terminal));
  });
}

process.on("uncaughtException", (error) => process.exit(tellStray(error, words, terminal)));

const code = await main(words, terminal);

// A promise of the guest's module that was rejected with nobody to catch it is told after the turn that it was rejected in.
await setImmediate();
await new Promise((resolve) => write("", resolve));
await new Promise((resolve) => stderr.write("", resolve));
// What the guest's module has left open, such as a timer, does not keep the program.
process.exit(code);
