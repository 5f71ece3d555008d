/** A run of a guest as plain data. */
import type { GeneralRegisters } from "../../layout/cpu-state.ts";
import { show } from "../../core/show.ts";
import { badArgument } from "../kvm-error.ts";
import type { Exit } from "../exits/exits.ts";
import type { recordedFields } from "./recorded-fields.ts";

/** What a transcript says of an exit besides the exit's own fields. */
export interface TranscriptNotes {
  /** What the address or register is called: `uart+0x4` for one in a region of the image, `IA32_EFER`. */
  readonly symbol?: string;
  /** The place of the instruction that exited, such as `guest:loop+0x2`, where places were asked for. */
  readonly where?: string;
}

/**
 * An exit in a transcript: its kind, the fields that the guest decides, and the answer that it got. Writes in a row to one
 * port, of one size, are one, and so are reads: how many KVM joins depends on its kind, and on coalescing.
 */
export type TranscriptExit = {
  readonly [Kind in Exit["kind"]]: Readonly<
    { kind: Kind } & Pick<
      Extract<Exit, { readonly kind: Kind }>,
      keyof (typeof recordedFields)[Kind] & keyof Extract<Exit, { readonly kind: Kind }>
    >
  > &
    TranscriptNotes;
}[Exit["kind"]];

/** The guest at the end of a run. */
export interface TranscriptEnd {
  /** The general registers, with the instruction that exited last completed. RFLAGS is without RF, which the CPU keeps for itself. */
  readonly registers: GeneralRegisters;
  /**
   * The place of the instruction that exited last, such as `guest:done+0x1`, as `machine.where(exit)` has it: RIP may be behind it
   * already. `undefined` where none of the image's programs lies there.
   */
  readonly where: string | undefined;
}

/**
 * A run as plain data: the same for every run of a deterministic guest, on every kind of KVM that can run it, and with
 * coalescing or without.
 */
export interface Transcript {
  readonly exits: readonly TranscriptExit[];
  /**
   * `undefined` where no two runs need be in the same place: after a shutdown, a failed entry, a deadline, a signal, a limit
   * of exits, and in the middle of an instruction.
   */
  readonly end: TranscriptEnd | undefined;
}

/**
 * Whether a value is a transcript, as far as its keys show.
 *
 * @example
 * ```ts
 * isTranscript(transcribe(machine)); // true
 * ```
 */
export function isTranscript(value: unknown): value is Transcript {
  return (
    typeof value === "object" && value !== null && "exits" in value && Array.isArray(value.exits) && "end" in value
  );
}

/** Throws {@link KvmError} `BAD_ARGUMENT` unless `taker` got a transcript. */
export function requireTranscript(taker: string, value: unknown): void {
  if (isTranscript(value)) return;
  const hint = "a transcript is what transcribe(machine) and transcriptFromJson(text) give";
  throw badArgument(`${taker} takes a transcript, got ${show(value)}`, value, hint);
}
