/** Runs an image for a person or for a program, exit by exit. */
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { hex } from "../core/hex.ts";
import { sourceFiles } from "../core/source.ts";
import {
  boot,
  exitDevice,
  locationToText,
  record,
  type Duration,
  type Exit,
  type Finding,
  type Machine,
  type StreamOptions,
} from "../kvm/index.ts";
import { entryViolations, type Image } from "../layout/index.ts";
import { imageToHtml } from "../picture/index.ts";
import type { ExitName } from "./exit-codes.ts";
import { isOfHost } from "./host-error.ts";
import { consoleDevices } from "./guest/console-devices.ts";
import { placesFromHere, type PlacesFromHere } from "./guest/places.ts";
import { unlessIdle } from "./guest/unless-idle.ts";
import { namingFile } from "./guest/naming-file.ts";
import { columns } from "./output/columns.ts";
import { tellExit, tellFindings } from "./output/exit-lines.ts";
import { toJson } from "./output/plain.ts";
import { withProgress } from "./output/progress.ts";
import type { Terminal } from "./output/terminal.ts";
import { writeOutput } from "./output/write-output.ts";

/** How a guest is to be run. */
export interface GuestRun {
  readonly timeout: Duration | undefined;
  readonly maxExits: number | undefined;
  /** The ports whose output is text for the user. */
  readonly console: readonly number[];
  /** The devices of the guest's module. */
  readonly devices: NonNullable<StreamOptions["devices"]>;
  /** What reads of ports get, byte after byte. */
  readonly answers: Uint8Array;
  readonly exitPort: number | undefined;
  readonly device: string | undefined;
  readonly json: boolean;
  /** The file to write a page about the run to. */
  readonly html: string | undefined;
  /** The file that the guest is read from. */
  readonly file: string;
  /** Whether it is a module, whose places are on this machine. */
  readonly isModule: boolean;
  /** What may be wrong with the way that the guest was started; asked for where it failed. */
  readonly startHint: () => string | undefined;
}

/** What the program ends with, by the exit that ended the run. */
const outcomes: { readonly [Kind in Exit["kind"]]?: ExitName } = {
  hlt: "done",
  shutdown: "guest",
  "internal-error": "guest",
  "fail-entry": "guest",
  timeout: "timeout",
  "exit-limit": "timeout",
};

const endsBadly = ({ kind }: Exit): boolean => outcomes[kind] === "guest";

/** Boots an image, runs it to its end, and says what happens. Ctrl-C ends it. */
export async function runGuest(image: Image, run: GuestRun, terminal: Terminal): Promise<ExitName | number> {
  const options = run.device === undefined ? {} : { device: run.device };
  using machine = await namingFile(
    run.file,
    async () => await boot(image, options),
    // A state that no CPU takes is the file's fault, also where KVM has nothing but a number to say of it.
    (error) => !isOfHost(error) || (error.code === "IOCTL_FAILED" && entryViolations(image.cpu).length > 0),
  );
  const stop = new AbortController();
  const onInterrupt = (): void => stop.abort();
  process.on("SIGINT", onInterrupt);
  const exits = new ExitReport(machine, run, terminal);
  const recorder = run.html === undefined ? undefined : record(machine, { places: true });
  try {
    const outcome = await withProgress(
      terminal,
      () => `running, ${exits.count} exits`,
      () =>
        unlessIdle(
          "a device of the guest's module never answers",
          "the promise of one of its handlers is neither fulfilled nor rejected",
          () => follow(recorder ?? machine, run, exits, stop.signal, terminal),
        ),
    );
    if (recorder !== undefined && run.html !== undefined) {
      const { findings } = exits;
      writeOutput(
        run.html,
        imageToHtml(image, { title: path.basename(run.file), transcript: recorder.transcript(), findings }),
      );
    }
    return outcome;
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}

async function follow(
  machine: Pick<Machine, "stream">,
  run: GuestRun,
  exits: ExitReport,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<ExitName | number> {
  const devices = [
    ...run.devices,
    ...consoleDevices(run.console, run.answers, (byte) => terminal.out(Uint8Array.of(byte))),
    ...(run.exitPort === undefined ? [] : [exitDevice(run.exitPort)]),
  ];
  const options = {
    devices,
    signal,
    ...(run.timeout === undefined ? {} : { timeout: run.timeout }),
    ...(run.maxExits === undefined ? {} : { maxExits: run.maxExits }),
  };
  const answers = run.answers.values();
  for (;;) {
    let last: Exit | undefined;
    try {
      for await (const exit of machine.stream(options)) {
        if (exit.kind === "io-in") exit.data.forEach((_, index) => (exit.data[index] = answers.next().value ?? 0));
        // Whether it was Ctrl-C shows when its handler has run.
        if (exit.kind !== "interrupted") await exits.add(exit);
        last = exit;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    await setImmediate();
    if (signal.aborted) {
      await exits.add({ kind: "interrupted" });
      return "interrupted";
    }
    // Another signal, such as that of a job that goes on after Ctrl-Z.
    if (last?.kind === "interrupted") continue;
    if (last?.kind === "guest-exit") {
      const code = exitCodeOf(last.code);
      exits.addExitCode(last.code, code);
      return code;
    }
    const outcome = (last && outcomes[last.kind]) ?? "guest";
    if (outcome === "guest") exits.addRegisters();
    return outcome;
  }
}

/** The largest exit code that a process can have (`_exit(2)`: eight bits are kept). */
const MAX_EXIT_CODE = 255;

/** What the program ends with: a guest's failure must not look like 0 since the low bits of its code are. */
function exitCodeOf(code: number): number {
  return Number.isInteger(code) && code >= 0 && code <= MAX_EXIT_CODE ? code : MAX_EXIT_CODE;
}

/** The widest kind that is met every day. */
const KIND_WIDTH = "mmio-write".length;

/** The files that a guest's programs were written in, as places name them. */
function programFiles({ programs = [] }: Machine["image"]): string[] {
  return programs.flatMap(({ listing }) => listing.flatMap(({ source }) => sourceFiles(source)));
}

/** Where exits are told: a line each, for a person or a program. */
class ExitReport {
  readonly #machine: Machine;
  readonly #isJson: boolean;
  readonly #startHint: GuestRun["startHint"];
  readonly #print: (text: string) => void;
  readonly #paint: Terminal["paint"];
  readonly #places: PlacesFromHere;
  count = 0;
  /** Why the guest ended badly, where it did. */
  findings: readonly Finding[] | undefined;

  constructor(machine: Machine, { json, console, startHint, file, isModule }: GuestRun, terminal: Terminal) {
    this.#machine = machine;
    this.#isJson = json;
    this.#startHint = startHint;
    this.#places = isModule && !json ? placesFromHere(file, programFiles(machine.image)) : (text) => text;
    const isBeside = console.length > 0;
    this.#print = isBeside ? (text) => terminal.err(text) : (text) => terminal.out(text);
    this.#paint = isBeside ? terminal.paintError : terminal.paint;
  }

  async add(exit: Exit): Promise<void> {
    this.count++;
    const where = this.#machine.where(exit);
    const findings = endsBadly(exit) ? await this.#machine.explain(exit) : undefined;
    const startHint = endsBadly(exit) ? this.#startHint() : undefined;
    this.findings = findings;
    if (this.#isJson) return this.#print(`${toJson({ ...exit, where, findings, startHint })}\n`);
    const kind = this.#paint("cyan", exit.kind.padEnd(KIND_WIDTH));
    const place = this.#paint("dim", `  at ${this.#places(locationToText(where))}`);
    const told = tellExit(exit);
    this.#print(`${kind}${told === "" ? "" : `  ${told}`}${place}\n`);
    if (findings !== undefined) this.#print(this.#places(tellFindings(findings)));
    if (startHint !== undefined) this.#print(`  ${startHint}\n`);
  }

  /** Says that a guest's code is another one as an exit code. */
  addExitCode(given: number, code: number): void {
    if (this.#isJson || code === given) return;
    this.#print(`  ${given} ends with ${code}: exit codes are 0 to ${MAX_EXIT_CODE}\n`);
  }

  /** What helps to find out why a guest failed. */
  addRegisters(): void {
    if (this.#isJson) return;
    const { cr0, cr2, cr3, cr4, efer } = this.#machine.specialRegisters();
    const registers = Object.entries({ ...this.#machine.registers(), cr0, cr2, cr3, cr4, efer });
    const cells = registers.map(([name, value]) => `${name.padEnd(6)} ${hex(value, 16)}`);
    const rows = Array.from({ length: Math.ceil(cells.length / 4) }, (_, row) => cells.slice(row * 4, row * 4 + 4));
    this.#print(
      `${columns(rows)
        .map((line) => `  ${line}`)
        .join("\n")}\n`,
    );
  }
}
