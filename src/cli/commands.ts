/** The commands. Each is loaded when it is called, and not before. */
import type { Command } from "./command/command.ts";

/** A command, as long as nobody calls it. */
interface CommandEntry {
  readonly summary: string;
  load(): Promise<Command>;
}

/** Every command by its name, in the order of the help. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  run: {
    summary: "runs a guest on KVM and lists its exits",
    load: async () => (await import("./commands/run.ts")).runCommand,
  },
  inspect: {
    summary: "shows an image: memory, CPU, tables, listings, symbols",
    load: async () => (await import("./commands/inspect.ts")).inspectCommand,
  },
  disasm: {
    summary: "reads a guest's bytes back as instructions",
    load: async () => (await import("./commands/disasm.ts")).disasmCommand,
  },
  walk: {
    summary: "walks the page tables to an address, in words",
    load: async () => (await import("./commands/walk.ts")).walkCommand,
  },
  diff: {
    summary: "says what two images differ in",
    load: async () => (await import("./commands/diff.ts")).diffCommand,
  },
  export: {
    summary: "writes an image as a file that other machines boot",
    load: async () => (await import("./commands/export.ts")).exportCommand,
  },
  check: {
    summary: "lists what is suspicious about an image",
    load: async () => (await import("./commands/check.ts")).checkCommand,
  },
  doctor: {
    summary: "says whether guests can run here, and what to do if not",
    load: async () => (await import("./commands/doctor.ts")).doctorCommand,
  },
};
