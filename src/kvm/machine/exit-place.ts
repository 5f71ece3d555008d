/** The instruction that an exit came from, wherever KVM leaves RIP. */
import type { IoOutExit, MmioWriteExit } from "../exits/exit-access.ts";
import type { Exit } from "../exits/exits.ts";
import type { Vcpu } from "../calls/vcpu.ts";
import type { ImageProgram } from "../../layout/image.ts";
import { causeOf } from "./dispatch.ts";
import { locate, placeOf, type GuestLocation } from "./location.ts";

/** What is needed to find it. */
export interface ExitPlaceSource {
  readonly vcpu: Vcpu;
  readonly programs: readonly ImageProgram[];
  /** Completes the instruction that the exit stopped in. */
  readonly complete: () => void;
}

/**
 * The place of the instruction that an exit came from. KVM leaves RIP at an instruction that waits for an answer; after others
 * it is already behind it, or still at it. Those are completed first.
 */
export function locateExit(source: ExitPlaceSource, told: Exit): GuestLocation {
  const exit = causeOf(told);
  const { vcpu, programs } = source;
  const isWrite = exit.kind === "io-out" || exit.kind === "mmio-write";
  if (isWrite) source.complete();
  const here = locate(vcpu, programs);
  const isBehind = exit.kind === "hlt" || (isWrite && !isRepeating(vcpu, here, exit));
  return isBehind ? before(source, here) : here;
}

/** A string instruction that writes to a port or to memory, and its size. */
const stringWrite = /^rep (?:outs|stos|movs|ins)([bwdq])$/;

const sizes: Readonly<Record<string, number>> = { b: 1, w: 2, d: 4, q: 8 };

/** RFLAGS.DF (SDM vol. 1, 3.4.3.2): string instructions go down. */
const RFLAGS_DF = 1n << 10n;

/** Whether a write came from the string instruction that the guest stands at, and not from what is before it. */
function isRepeating(vcpu: Vcpu, { text }: GuestLocation, exit: IoOutExit | MmioWriteExit): boolean {
  const [, letter] = stringWrite.exec(text ?? "") ?? [];
  if (letter === undefined || sizes[letter] !== exit.size) return false;
  const { rdx, rdi, rflags } = vcpu.getRegs();
  if (exit.kind === "io-out") return text!.startsWith("rep outs") && BigInt.asUintN(16, rdx) === BigInt(exit.port);
  // RDI is past what was written last; where in its page that lies is the same in the physical address.
  const { es } = vcpu.getSregs().segments;
  const written = es.base + rdi + BigInt((rflags & RFLAGS_DF) === 0n ? -exit.size : exit.size);
  return BigInt.asUintN(12, written) === BigInt.asUintN(12, exit.address);
}

/** The statement that ends where the guest is; where no listing has it, the byte before. */
function before({ vcpu, programs }: ExitPlaceSource, here: GuestLocation): GuestLocation {
  const last = placeAt(vcpu, programs, here.linear - 1n);
  const program = programs.find(({ name }) => name === last.program);
  const line = program?.listing.find(({ address, bytes }) => address + BigInt(bytes.length) === here.rip);
  const size = BigInt(line?.bytes.length ?? 1);
  const [rip, linear] = [here.rip - size, here.linear - size];
  return { rip, linear, ...(size === 1n ? last : placeAt(vcpu, programs, linear)) };
}

function placeAt(vcpu: Vcpu, programs: readonly ImageProgram[], linear: bigint): ReturnType<typeof placeOf> {
  const { valid, physicalAddress } = vcpu.translate(linear);
  return placeOf(programs, valid ? physicalAddress : undefined);
}
