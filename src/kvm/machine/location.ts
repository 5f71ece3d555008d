/** Where in its programs a guest is: from RIP through its page tables to a line of the author's source. */
import type { PhysAddr, VirtAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import type { SourceLocation } from "../../core/source.ts";
import type { ImageProgram } from "../../layout/image.ts";
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
  /** The label at or before it in the program; of several at one address, the first in the program. */
  readonly label: string | undefined;
  /** How many bytes it lies behind the label; behind the program's first byte where there is no label before it. */
  readonly offset: bigint | undefined;
  /** The statement there, in Intel syntax. */
  readonly text: string | undefined;
  /** Where the statement was written. */
  readonly source: SourceLocation | undefined;
}

/** Where the vCPU is in its programs. They are found by physical address: the same bytes may be mapped twice. */
export function locate(vcpu: Vcpu, programs: readonly ImageProgram[]): GuestLocation {
  const { rip } = vcpu.getRegs();
  const { segments, efer } = vcpu.getSregs();
  const { cs } = segments;
  // EFER.LMA with CS.L is 64-bit code, which ignores the base of CS (SDM vol. 3A, 3.4.4); else addresses have 32 bits.
  const isLong = (efer & EFER_LMA) !== 0n && cs.l === 1;
  const linear = isLong ? rip : BigInt.asUintN(32, cs.base + rip);
  const { valid, physicalAddress } = vcpu.translate(linear);
  const physical = valid ? physicalAddress : undefined;
  return { rip, linear, physical, ...(physical === undefined ? nowhere : placeIn(programs, physical)) };
}

/** EFER.LMA (SDM vol. 3A, 2.2.1). */
const EFER_LMA = 1n << 10n;

type Place = Omit<GuestLocation, "rip" | "linear" | "physical">;

const nowhere: Place = { program: undefined, label: undefined, offset: undefined, text: undefined, source: undefined };

function placeIn(programs: readonly ImageProgram[], physical: PhysAddr): Place {
  const program = programs.find(({ phys, size }) => physical >= phys && physical < phys + BigInt(size));
  if (program === undefined) return nowhere;
  const address = program.origin + (physical - program.phys);
  const line = program.listing.find(
    (each) => each.kind !== "label" && address >= each.address && address < each.address + BigInt(each.bytes.length),
  );
  const before = Object.entries(program.labels).filter(([, at]) => at >= program.origin && at <= address);
  const [label, labelAt] = before.reduce<readonly [string | undefined, bigint]>(
    (best, each) => (best[0] === undefined || each[1] > best[1] ? each : best),
    [undefined, program.origin],
  );
  return { program: program.name, label, offset: address - labelAt, text: line?.text, source: line?.source };
}

/**
 * A place in one line: program, label and offset, and where it was written.
 *
 * @example
 * ```ts
 * locationToText(machine.where()); // "boot:loop+0x2 (examples/long-mode.ts:14)"
 * ```
 */
export function locationToText({ linear, physical, program, label, offset, source }: GuestLocation): string {
  if (program === undefined || offset === undefined) {
    return `${hex(linear)} (${physical === undefined ? "not mapped" : "in no program"})`;
  }
  const name = label === undefined ? program : `${program}:${label}`;
  const place = offset === 0n ? name : `${name}+${hex(offset)}`;
  return source === undefined ? place : `${place} (${source.file}:${source.line})`;
}
