/** One instruction that the guest executed, and what it changed. */
import { requireObject } from "../shapes.ts";
import { hex } from "../../core/hex.ts";
import type { Instruction } from "../../disasm/disassemble.ts";
import { locationToText, type GuestLocation } from "../machine/location.ts";
import type { DebugPoint } from "./debug-point.ts";
import type { RegisterChange, RegisterChanges } from "./register-changes.ts";

/**
 * The guest executed one instruction: an event of {@link Debugger.trace}, beside its exits. Of a repeated string instruction it
 * may be one repetition. Where it faulted, the step leads into the handler, as far as this host's KVM steps: to its beginning,
 * behind its first instruction, or to its next exit.
 */
export interface Step {
  readonly kind: "step";
  /** Where the instruction is: program, label and source line. */
  readonly location: GuestLocation;
  /** The instruction, as it was in memory; `undefined` where no memory is, or bytes that are no instruction. */
  readonly instruction: Instruction | undefined;
  /** The registers that changed, and no others; RIP, x87 and vector registers are not looked at. */
  readonly changes: RegisterChanges;
  /** The watchpoints that the instruction hit, and the breakpoints where the guest arrived. */
  readonly hits: readonly DebugPoint[];
}

/**
 * A step in one line: the instruction's address, its text, what it changed, and where it was written.
 *
 * @example
 * ```ts
 * stepToText(step); // "00000007  add rax, 0x1                 rax 0x0 -> 0x1  guest:loop (guest.ts:9)"
 * ```
 */
export function stepToText(step: Step): string {
  const { location, instruction, changes, hits } = requireObject("the step", step);
  requireObject("the step's location", location);
  const address = location.rip.toString(16).padStart(8, "0");
  const text = instruction?.text ?? "(no instruction)";
  const changed = Object.entries(changes).map(([name, change]) => changeToText(name, change));
  const place = location.program === undefined ? [] : [locationToText(location)];
  const hit = hits.map(pointToText);
  return [`${address}  ${text.padEnd(30)}`, changed.join(", "), ...hit, ...place]
    .filter((each) => each !== "")
    .join("  ")
    .trimEnd();
}

function changeToText(name: string, { before, after }: RegisterChange): string {
  return `${name} ${hex(before)} -> ${hex(after)}`;
}

function pointToText(point: DebugPoint): string {
  const name = point.kind === "breakpoint" ? (point.symbol ?? hex(point.address)) : hex(point.address);
  return `[${point.kind} ${name}]`;
}
