/** Where in its programs a guest is: from RIP through its page tables to a line of the author's source. */
import { requireObject } from "../shapes.ts";
import type { PhysAddr, VirtAddr } from "../../core/address.ts";
import { codeAtPhysical, codePlaceToText } from "../../core/code-place.ts";
import { hex } from "../../core/hex.ts";
import type { SourceLocation } from "../../core/source.ts";
import type { ImageProgram } from "../../layout/image.ts";
import type { SpecialRegisters } from "../calls/registers.ts";
import type { Vcpu } from "../calls/vcpu.ts";

/** A place in the guest's code, as far as it is known. */
export interface GuestLocation {
  /** RIP, EIP or IP: an offset into CS. */
  readonly rip: VirtAddr;
  /** The linear address: with the base of CS, but for 64-bit code. */
  readonly linear: VirtAddr;
  /** Where the guest's page tables lead; `undefined` where they lead nowhere. */
  readonly physical: PhysAddr | undefined;
  /** The program of the image that lies there. */
  readonly program: string | undefined;
  /** The section of the program that lies apart and holds it; `undefined` in the rest of the program. */
  readonly section: string | undefined;
  /** The label at or before it in the program, or in its section; of several at one address, the first in the program. */
  readonly label: string | undefined;
  /** How many bytes it lies behind the label; behind the first byte of either where there is no label before it. */
  readonly offset: bigint | undefined;
  /** The statement there, in Intel syntax. */
  readonly text: string | undefined;
  /** Where the statement was written. */
  readonly source: SourceLocation | undefined;
}

/** Where the vCPU is in its programs. They are found by physical address: the same bytes may be mapped twice. */
export function locate(vcpu: Vcpu, programs: readonly ImageProgram[]): GuestLocation {
  const { rip } = vcpu.getRegs();
  const linear = linearAddress(rip, vcpu.getSregs());
  const { valid, physicalAddress } = vcpu.translate(linear);
  return { rip, linear, ...placeOf(programs, valid ? physicalAddress : undefined) };
}

/** What decides about the size of code. */
type CodeState = Pick<SpecialRegisters, "segments" | "efer">;

/** EFER.LMA (SDM vol. 3A, 2.2.1). */
const EFER_LMA = 1n << 10n;

/** The size of the code that runs, in bits: EFER.LMA with CS.L is 64-bit code, else CS.D decides (SDM vol. 3A, 3.4.5). */
export function codeBits({ segments: { cs }, efer }: CodeState): 16 | 32 | 64 {
  if ((efer & EFER_LMA) !== 0n && cs.l === 1) return 64;
  return cs.db === 1 ? 32 : 16;
}

/** Where an offset into CS leads: 64-bit code ignores the base of CS, else addresses have 32 bits (SDM vol. 3A, 3.4.4). */
export function linearAddress(rip: VirtAddr, state: CodeState): VirtAddr {
  return codeBits(state) === 64 ? rip : BigInt.asUintN(32, state.segments.cs.base + rip);
}

type Place = Omit<GuestLocation, "rip" | "linear">;

const nowhere = {
  ...{ program: undefined, section: undefined, label: undefined },
  ...{ offset: undefined, text: undefined, source: undefined },
};

/** What of the programs lies at a physical address; `undefined` where none is known. */
export function placeOf(programs: readonly ImageProgram[], physical: PhysAddr | undefined): Place {
  const place = physical === undefined ? undefined : codeAtPhysical(programs, physical);
  return { physical, ...(place ?? nowhere) };
}

/**
 * A place in one line: program, label, or section where there is none before it, and offset, and where it was written.
 *
 * @example
 * ```ts
 * locationToText(machine.where()); // "boot:loop+0x2 (examples/long-mode.ts:14)"
 * ```
 */
export function locationToText(location: GuestLocation): string {
  const { linear, physical, program, offset, ...place } = requireObject("the location", location);
  if (program !== undefined && offset !== undefined) return codePlaceToText({ ...place, program, offset });
  return `${hex(linear)} (${physical === undefined ? "not mapped" : "in no program"})`;
}
