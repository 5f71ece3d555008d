/** Runs a guest and keeps what it did. */
import { requireOptions } from "../kvm-error.ts";
import { leavable } from "../machine/leaving.ts";
import type { Exit } from "../exits/exits.ts";
import type { Machine } from "../machine/machine.ts";
import { requireMachine } from "../machine/require-machine.ts";
import { hiddenExits, withAllExits, type RunOptions, type StreamOptions } from "../machine/run-options.ts";
import { isSettled, placeOfExit, registersAtEnd } from "./guest-place.ts";
import { Recording } from "./recording.ts";
import type { Transcript, TranscriptEnd } from "./transcript.ts";

/** What is recorded. */
export interface RecorderOptions {
  /**
   * Whether each exit has the place of its instruction. It costs two system calls an exit. Not unless given. Leave it out where
   * ports or addresses are coalesced: the guest is elsewhere when KVM tells of these.
   */
  readonly places?: boolean;
}

/** Runs a machine as it is run otherwise, and keeps its exits. */
export interface Recorder {
  /** As {@link Machine.run}. Exits that devices handle are recorded, too. */
  run(options?: RunOptions): IterableIterator<Exit, void, undefined>;
  /** As {@link Machine.stream}. */
  stream(options?: StreamOptions): AsyncIterableIterator<Exit, void, undefined>;
  /**
   * All runs so far. The instruction that exited last is completed, with the answer that its exit has by now; so the machine
   * must still be open.
   */
  transcript(): Transcript;
}

/**
 * A recorder of a machine. An answer that is written to an exit before the next step is recorded with it.
 *
 * @example
 * ```ts
 * using machine = await boot(image);
 * const recorder = record(machine);
 * for (const exit of recorder.run({ timeout: "1s" })) if (exit.kind === "io-in") exit.data.fill(0xaa);
 * console.log(transcriptToText(recorder.transcript()));
 * ```
 */
export function record(machine: Machine, options: RecorderOptions = {}): Recorder {
  requireMachine("a recording", machine);
  requireOptions("record", ["places"], options);
  return new MachineRecorder(machine, options);
}

class MachineRecorder implements Recorder {
  readonly #machine: Machine;
  readonly #places: boolean;
  readonly #recording: Recording;
  /** Where the exit came from that a transcript ended with. */
  #lastPlace: { readonly exit: Exit; readonly where: string | undefined } | undefined;

  constructor(machine: Machine, { places = false }: RecorderOptions) {
    this.#machine = machine;
    this.#places = places;
    this.#recording = new Recording(machine.image);
  }

  run(options: RunOptions = {}): IterableIterator<Exit, void, undefined> {
    return this.#sync(this.#machine.run(withAllExits(options)), hiddenExits(options));
  }

  stream(options: StreamOptions = {}): AsyncIterableIterator<Exit, void, undefined> {
    const all = withAllExits(options);
    return leavable(all.signal, (signal) =>
      this.#async(this.#machine.stream({ ...all, signal }), hiddenExits(options)),
    );
  }

  transcript(): Transcript {
    return { exits: this.#recording.exits(), end: this.#end() };
  }

  #end(): TranscriptEnd | undefined {
    const { last } = this.#recording;
    if (last === undefined || !isSettled(last.kind)) return undefined;
    // An instruction that waits for its answer is found before it is completed only.
    if (this.#lastPlace?.exit !== last) this.#lastPlace = { exit: last, where: placeOfExit(this.#machine, last) };
    const { where } = this.#lastPlace;
    const registers = registersAtEnd(this.#machine, last.kind);
    return registers && { registers, where };
  }

  *#sync(exits: Iterable<Exit>, isHidden: (exit: Exit) => boolean): Generator<Exit, void, undefined> {
    for (const exit of exits) {
      const where = this.#where(exit);
      try {
        if (!isHidden(exit)) yield exit;
      } finally {
        this.#recording.add(exit, where);
      }
    }
  }

  async *#async(exits: AsyncIterable<Exit>, isHidden: (exit: Exit) => boolean): AsyncGenerator<Exit, void, undefined> {
    for await (const exit of exits) {
      const where = this.#where(exit);
      try {
        if (!isHidden(exit)) yield exit;
      } finally {
        this.#recording.add(exit, where);
      }
    }
  }

  #where(exit: Exit): string | undefined {
    return this.#places ? placeOfExit(this.#machine, exit) : undefined;
  }
}
