/** From what a test has, an image, a machine or a transcript, to what the guest did. */
import { show } from "../core/show.ts";
import { loadedDisassembler } from "../disasm/disassemble.ts";
import { explainMachine } from "../kvm/explain/explain-machine.ts";
import {
  boot,
  isTranscript,
  locationToText,
  transcribe,
  type Finding,
  type Machine,
  type TranscribeOptions,
  type Transcript,
} from "../kvm/index.ts";
import { isImage, type Image } from "../layout/index.ts";
import { badArgument, buildHint } from "./testing-error.ts";

/** How a matcher runs a guest. */
export type RunGuestOptions = Omit<TranscribeOptions, "places">;

/** What a guest did, and where it was at the end. */
export interface GuestRun {
  readonly transcript: Transcript;
  /** The place of its last instruction, with the line of its source; `undefined` where only a transcript was given. */
  readonly where: string | undefined;
  /** Why it ended badly; none where it did not, and where only a transcript was given. */
  readonly findings: readonly Finding[];
}

/**
 * Uses what a guest did: at once for a machine, which runs on from where it is, and for a transcript; for an image, which is
 * booted first and closed again, later. @param taker the matcher's name
 */
export function withRun<Result>(
  taker: string,
  guest: unknown,
  options: RunGuestOptions,
  use: (run: GuestRun) => Result,
): Result | Promise<Result> {
  if (isTranscript(guest)) return use({ transcript: guest, where: undefined, findings: [] });
  if (isMachine(guest)) return use(runMachine(guest, options));
  if (isImage(guest)) return bootAndRun(guest, options).then(use);
  throw badArgument(`${taker} takes an image, a machine or a transcript, got ${show(guest)}`, guest, buildHint);
}

async function bootAndRun(image: Image, options: RunGuestOptions): Promise<GuestRun> {
  using machine = await boot(image);
  const transcript = transcribe(machine, options);
  const last = transcript.exits.at(-1);
  return runOf(machine, transcript, last === undefined ? [] : await machine.explain(last));
}

/** Without waiting: what assembled the image has mostly loaded the disassembler. */
function runMachine(machine: Machine, options: RunGuestOptions): GuestRun {
  const transcript = transcribe(machine, options);
  const last = transcript.exits.at(-1);
  return runOf(machine, transcript, last === undefined ? [] : explainMachine(machine, last, loadedDisassembler()));
}

function runOf(machine: Machine, transcript: Transcript, findings: readonly Finding[]): GuestRun {
  return { transcript, where: locationToText(machine.where()), findings };
}

function isMachine(value: unknown): value is Machine {
  return typeof value === "object" && value !== null && "run" in value && "vcpu" in value && "where" in value;
}
