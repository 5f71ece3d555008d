/** Runs a guest with several vCPUs and keeps what each of them did. */
import { requireObject } from "../shapes.ts";
import { leavable } from "../machine/leaving.ts";
import { isAnswerable } from "../exits/answer-exit.ts";
import type { AnswerableExit, Exit } from "../exits/exits.ts";
import { locateExit } from "../machine/exit-place.ts";
import { requireMachine } from "../machine/require-machine.ts";
import { hiddenExits, withAllExits, type StreamOptions } from "../machine/run-options.ts";
import type { SmpMachine } from "../smp/smp-machine.ts";
import type { VcpuExit } from "../smp/vcpu-cluster.ts";
import { placeText, registersAtEnd } from "./guest-place.ts";
import { Recording } from "./recording.ts";
import type { Transcript } from "./transcript.ts";

/**
 * Runs a machine with several vCPUs as it is run otherwise, and keeps its exits, those of each vCPU apart. How the exits of
 * different vCPUs follow one another is another in every run; what one vCPU does is the same, as long as it does not depend on
 * how far another is.
 */
export interface SmpRecorder {
  /** As {@link SmpMachine.stream}. Exits that devices handle are recorded, too. */
  stream(options?: StreamOptions): AsyncIterableIterator<VcpuExit, void, undefined>;
  /**
   * All runs so far, a transcript for each vCPU, by their numbers. What ended the run of all is the last exit of each that was
   * started. A transcript has an `end` where all are halted with interrupts off; elsewhere a vCPU is stopped wherever it is.
   */
  transcripts(): readonly Transcript[];
}

/** How a guest with several vCPUs is to be run and recorded. */
export interface TranscribeSmpOptions extends Omit<StreamOptions, "includeHandled"> {
  /** Answers an exit that no device handles, by writing to it, at once or later. Where not given, the guest reads zeros. */
  readonly answer?: (exit: AnswerableExit, vcpu: number) => void | Promise<void>;
}

/**
 * A recorder of a machine with several vCPUs. An answer that is written to an exit before the next step is recorded with it.
 *
 * @example
 * ```ts
 * const recorder = recordSmp(machine);
 * for await (const { vcpu, exit } of recorder.stream()) console.log(vcpu, exit.kind);
 * for (const transcript of recorder.transcripts()) console.log(transcriptToText(transcript));
 * ```
 */
export function recordSmp(machine: SmpMachine): SmpRecorder {
  requireMachine("a recording", machine);
  return new SmpMachineRecorder(machine);
}

/**
 * Runs a guest with several vCPUs up to an exit that ends the run, and gives what each of them did.
 *
 * @example
 * ```ts
 * const [first, second] = await transcribeSmp(machine, { timeout: "5s", devices: [exitDevice()] });
 * ```
 */
export async function transcribeSmp(
  machine: SmpMachine,
  given: TranscribeSmpOptions = {},
): Promise<readonly Transcript[]> {
  const { answer, ...options } = requireObject("the options of transcribeSmp", given);
  const recorder = recordSmp(machine);
  for await (const { vcpu, exit } of recorder.stream(options)) {
    if (answer !== undefined && vcpu !== undefined && isAnswerable(exit)) await answer(exit, vcpu);
  }
  return recorder.transcripts();
}

class SmpMachineRecorder implements SmpRecorder {
  readonly #machine: SmpMachine;
  readonly #recordings: readonly Recording[];
  /** Whether the last run ended since all are halted. */
  #isHalted = false;

  constructor(machine: SmpMachine) {
    this.#machine = machine;
    this.#recordings = machine.vcpus.map(() => new Recording(machine.image));
  }

  stream(options: StreamOptions = {}): AsyncIterableIterator<VcpuExit, void, undefined> {
    const all = withAllExits(options);
    return leavable(all.signal, (signal) =>
      this.#record(this.#machine.stream({ ...all, signal }), hiddenExits(options)),
    );
  }

  async *#record(
    exits: AsyncIterable<VcpuExit>,
    isHidden: (exit: Exit) => boolean,
  ): AsyncGenerator<VcpuExit, void, undefined> {
    for await (const each of exits) {
      try {
        if (!isHidden(each.exit)) yield each;
      } finally {
        this.#add(each);
      }
    }
  }

  transcripts(): readonly Transcript[] {
    return this.#recordings.map((recording, vcpu) => ({ exits: recording.exits(), end: this.#end(vcpu) }));
  }

  #add({ vcpu, exit }: VcpuExit): void {
    this.#isHalted = vcpu === undefined && exit.kind === "hlt";
    for (const [number, recording] of this.#recordings.entries()) {
      const isOfIt = vcpu === undefined ? this.#isStarted(number) : vcpu === number;
      if (isOfIt) recording.add(exit, undefined);
    }
  }

  #isStarted(vcpu: number): boolean {
    return this.#machine.vcpus[vcpu]!.getMpState() !== "uninitialized";
  }

  #end(vcpu: number): Transcript["end"] {
    if (!this.#isHalted || !this.#isStarted(vcpu)) return undefined;
    const machine = this.#machine;
    const view = { complete: () => true, registers: () => machine.registers(vcpu) };
    const registers = registersAtEnd(view, "hlt");
    const source = { vcpu: machine.vcpus[vcpu]!, programs: machine.image.programs ?? [], complete: () => undefined };
    return registers && { registers, where: placeText(locateExit(source, { kind: "hlt" })) };
  }
}
