/** From what a test has, an image, a machine or a transcript, to what the guest did. */
import { show } from "../core/show.ts";
import {
  boot,
  isTranscript,
  locationToText,
  transcribe,
  type Machine,
  type TranscribeOptions,
  type Transcript,
} from "../kvm/index.ts";
import { isImage, type Image } from "../layout/index.ts";
import { badArgument } from "./testing-error.ts";

/** How a matcher runs a guest. */
export type RunGuestOptions = Omit<TranscribeOptions, "places">;

/** What a guest did, and where it was at the end. */
export interface GuestRun {
  readonly transcript: Transcript;
  /** The place of its last instruction, with the line of its source; `undefined` where only a transcript was given. */
  readonly where: string | undefined;
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
  if (isTranscript(guest)) return use({ transcript: guest, where: undefined });
  if (isMachine(guest)) return use(runMachine(guest, options));
  if (isImage(guest)) return bootAndRun(guest, options).then(use);
  throw badArgument(
    `${taker} takes an image, a machine or a transcript, got ${show(guest)}`,
    guest,
    "build a layout with: await layout({ ... }).build()",
  );
}

async function bootAndRun(image: Image, options: RunGuestOptions): Promise<GuestRun> {
  using machine = await boot(image);
  return runMachine(machine, options);
}

function runMachine(machine: Machine, options: RunGuestOptions): GuestRun {
  const transcript = transcribe(machine, options);
  return { transcript, where: locationToText(machine.where()) };
}

function isMachine(value: unknown): value is Machine {
  return typeof value === "object" && value !== null && "run" in value && "vcpu" in value && "where" in value;
}
