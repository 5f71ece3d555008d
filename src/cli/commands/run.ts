import { hex } from "../../core/hex.ts";
import { command } from "../command/command.ts";
import { count, duration, file, port, text } from "../command/reader.ts";
import { CliError } from "../cli-error.ts";
import { guestOperand, guestOptions } from "../guest/guest-options.ts";
import { loadGuest, readInput } from "../guest/load-guest.ts";
import { requireWritable } from "../output/write-output.ts";
import { devicesOfModule } from "../guest/module-devices.ts";
import { startHint } from "../guest/start-hint.ts";
import type { Command } from "../command/command.ts";

/** Throws {@link CliError} `BAD_VALUE` where a console is asked for twice. */
function requireDistinct(ports: readonly number[]): void {
  const twice = ports.find((port, i) => ports.indexOf(port) !== i);
  if (twice !== undefined)
    throw new CliError(`--console ${hex(twice)} is given twice`, { code: "BAD_VALUE", value: twice });
}

/** `guestwright run` */
export const runCommand: Command = command({
  name: "run",
  description: [
    "Runs a guest on KVM and lists its exits: what it asks its host for, where it was then, and how it ended.",
    "Devices that a module exports as `devices` handle their ports and addresses; such accesses are no exits.",
    "Other reads of ports are answered from --input, then with zeros; reads of addresses without memory with zeros.",
    "With --console the exits are listed on standard error. Ports 0x3f8, 0x2f8, 0x3e8 and 0x2e8 are whole serial ports.",
  ].join("\n"),
  operands: [guestOperand],
  options: {
    ...guestOptions,
    timeout: { summary: "how long the guest may run: 50ms, 1s, none; 10s unless given", value: duration },
    "max-exits": { summary: "ends the run after so many exits", value: count },
    console: {
      summary: "shows what the guest writes to this port, and nothing else, on standard output",
      value: port,
      isList: true,
    },
    input: { summary: "answers reads of ports with the bytes of a file; - is standard input", value: file },
    "exit-port": {
      summary: "what the guest writes to this port ends the run and is the exit code; 255 for what is above",
      value: port,
    },
    device: { summary: "KVM's device; /dev/kvm unless given", value: text("PATH", "the path of a device") },
    html: { summary: "writes the image and its exits to this file, as a page for a browser", value: file },
    json: { summary: "prints one JSON object a line for each exit, for programs" },
  },
  examples: [
    { line: "run guest.ts", summary: "lists the exits" },
    { line: "run guest.ts --console 0xe9 --timeout 1s", summary: "shows what the guest prints" },
    { line: "run guest.ts --json | jq .kind", summary: "hands the exits to a program" },
    { line: "run guest.ts --html run.html", summary: "draws the exits, and leads from each to its code" },
    { line: "run boot.bin --at 0x7c00 --mode real16", summary: "runs raw bytes" },
  ],
  exits: ["host", "guest", "timeout", "interrupted"],
  async run([guest], options, terminal) {
    if (options.json && options.console.length > 0) {
      throw new CliError("--json and --console both want standard output", {
        code: "BAD_VALUE",
        hint: "with --json, what the guest prints is in the data of its io-out exits",
      });
    }
    const { input, html } = options;
    if (html === "-") {
      throw new CliError("--html - and the list of exits both want standard output", {
        code: "BAD_VALUE",
        hint: "name a file with --html",
      });
    }
    requireDistinct(options.console);
    if (html !== undefined) {
      requireWritable(html, { "the guest": guest!, ...(input === undefined || input === "-" ? {} : { input }) });
    }
    if (options.console.length > 0) terminal.keepOutput();
    const answers = input === undefined ? new Uint8Array() : input === "-" ? terminal.input() : readInput(input);
    // Before the guest: loading its module registers hooks, and on Node 20 all that is imported later goes through their thread.
    const { runGuest } = await import("../run-guest.ts");
    const loaded = await loadGuest(guest!, options, terminal);
    return await runGuest(
      loaded.image,
      {
        ...options,
        devices: devicesOfModule(guest!, loaded.exports),
        file: guest!,
        isModule: loaded.kind === "module",
        startHint: () => startHint(loaded),
        answers,
        maxExits: options["max-exits"],
        exitPort: options["exit-port"],
      },
      terminal,
    );
  },
});
