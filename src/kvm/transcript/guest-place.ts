/** Where a guest is, said in a way that does not depend on the kind of KVM. */
import type { IoOutExit, MmioWriteExit } from "../exits/exit-access.ts";
import type { Exit } from "../exits/exits.ts";
import type { Machine } from "../machine/machine.ts";
import { locationToText, placeOf, type GuestLocation } from "../machine/location.ts";
import type { TranscriptEnd } from "./transcript.ts";

/** RFLAGS.RF (SDM vol. 1, 3.4.3): what a CPU saves in it at an exit is its own affair. */
const RFLAGS_RF = 1n << 16n;

/** After these, two hosts may have the guest in different places, or in none. */
const unsettled: ReadonlySet<Exit["kind"] | undefined> = new Set<Exit["kind"] | undefined>([
  undefined,
  "shutdown",
  "fail-entry",
  "timeout",
  "interrupted",
  "exit-limit",
  "hardware",
  "unknown",
]);

/** The guest's state after its last exit, which is completed; `undefined` where it is not the same everywhere. */
export function endOf(machine: Machine, last: Exit["kind"] | undefined): TranscriptEnd | undefined {
  if (unsettled.has(last) || !machine.complete()) return undefined;
  const registers = machine.registers();
  const location = machine.where();
  return {
    registers: { ...registers, rflags: registers.rflags & ~RFLAGS_RF },
    where: location.program === undefined ? undefined : textOf(location),
  };
}

/**
 * The place of the instruction that an exit came from; `undefined` where no program lies there. KVM leaves RIP at an
 * instruction that waits for an answer; after others it is already behind it, or still at it. Those are completed first.
 */
export function placeOfExit(machine: Machine, exit: Exit): string | undefined {
  const isWrite = exit.kind === "io-out" || exit.kind === "mmio-write";
  if (isWrite) machine.complete();
  const here = machine.where();
  const isBehind = exit.kind === "hlt" || (isWrite && !isRepeating(machine, here, exit));
  const location = isBehind ? before(machine, here) : here;
  return location.program === undefined ? undefined : textOf(location);
}

/** A string instruction that writes to a port or to memory, and its size. */
const stringWrite = /^rep (?:outs|stos|movs|ins)([bwdq])$/;

const sizes: Readonly<Record<string, number>> = { b: 1, w: 2, d: 4, q: 8 };

/** RFLAGS.DF (SDM vol. 1, 3.4.3.2): string instructions go down. */
const RFLAGS_DF = 1n << 10n;

/** Whether a write came from the string instruction that the guest stands at, and not from what is before it. */
function isRepeating(machine: Machine, { text }: GuestLocation, exit: IoOutExit | MmioWriteExit): boolean {
  const [, letter] = stringWrite.exec(text ?? "") ?? [];
  if (letter === undefined || sizes[letter] !== exit.size) return false;
  const { rdx, rdi, rflags } = machine.registers();
  if (exit.kind === "io-out") return text!.startsWith("rep outs") && BigInt.asUintN(16, rdx) === BigInt(exit.port);
  // RDI is past what was written last; where in its page that lies is the same in the physical address.
  const { es } = machine.specialRegisters().segments;
  const written = es.base + rdi + BigInt((rflags & RFLAGS_DF) === 0n ? -exit.size : exit.size);
  return BigInt.asUintN(12, written) === BigInt.asUintN(12, exit.address);
}

/** The statement that ends where the guest is. */
function before(machine: Machine, here: GuestLocation): GuestLocation {
  const { programs = [] } = machine.image;
  const last = machine.vcpu.translate(here.linear - 1n);
  const place = placeOf(programs, last.valid ? last.physicalAddress : undefined);
  const program = programs.find(({ name }) => name === place.program);
  const line = program?.listing.find(({ address, bytes }) => address + BigInt(bytes.length) === here.rip);
  if (place.offset === undefined || line === undefined) return { ...here, ...place };
  // The last byte of the statement is behind its first by all the others.
  return { ...here, ...place, offset: place.offset - BigInt(line.bytes.length - 1) };
}

/** Without the line of the source: moving code changes no transcript. */
function textOf(location: GuestLocation): string {
  return locationToText({ ...location, source: undefined });
}
