#!/usr/bin/env node
/** The program `guestwright`: the process around {@link main}. */
import { readFileSync } from "node:fs";
import type { WriteStream } from "node:tty";
import { styleText } from "node:util";
import { main } from "./main.ts";
import type { Paint } from "./output/terminal.ts";

/** Colours where the stream shows them; NO_COLOR and FORCE_COLOR decide first. `util.styleText` knows. */
function paintFor(stream: WriteStream): Paint {
  return (style, text) => styleText(style, text, { stream });
}

const { stdout, stderr } = process;

for (const stream of [stdout, stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // The reader has seen enough: `guestwright … | head`.
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}

const code = await main(process.argv.slice(2), {
  out: (text) => void stdout.write(text),
  err: (text) => void stderr.write(text),
  paint: paintFor(stdout),
  paintError: paintFor(stderr),
  showsProgress: stderr.isTTY,
  input: () => readFileSync(0),
});

for (const stream of [stdout, stderr]) await new Promise((resolve) => stream.write("", resolve));
// What the guest's module has left open, such as a timer, does not keep the program.
process.exit(code);
