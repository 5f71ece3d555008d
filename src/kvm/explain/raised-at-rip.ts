/** Which exception the CPU raises at RIP, in the state that was left. */
import { hex, hexBytes } from "../../core/hex.ts";
import { MAX_INSTRUCTION_SIZE } from "../../disasm/disassemble.ts";
import type { ExaminedInstruction } from "../../disasm/examined-instruction.ts";
import type { GuestView } from "./guest-view.ts";
import { segmentFault } from "./memory-fault.ts";
import { raise, type InstructionRule, type Raised } from "./raised.ts";
import { branchTarget, controlRegister, refusedValue, selector, softwareInterrupt } from "./rules-control.ts";
import { privilege, undefinedOpcode, unitOff } from "./rules-execute.ts";
import { alignment, division, memory } from "./rules-operands.ts";

/** In the order in which the CPU looks (SDM vol. 3A, table 6-2), as far as one instruction can meet several. */
const rules: readonly InstructionRule[] = [
  ...[undefinedOpcode, unitOff, privilege, softwareInterrupt, alignment, memory],
  ...[division, selector, branchTarget, controlRegister, refusedValue],
];

/** The instruction at RIP, and what it raises. */
export interface AtRip {
  /** `undefined` where it cannot be fetched, is none, or nothing is there to read it. */
  readonly instruction: ExaminedInstruction | undefined;
  /** `undefined` where nothing says that it raises anything. */
  readonly raised: Raised | undefined;
}

/** Looks at the instruction at RIP as the CPU would. */
export function atRip(view: GuestView): AtRip {
  const { rip } = view.cpu.regs;
  const fetch = fetchFault(view, 1);
  if (fetch !== undefined) return { instruction: undefined, raised: fetch };
  const linear = view.linear("cs", rip);
  const bytes = view.read(linear, MAX_INSTRUCTION_SIZE);
  const { disassembler } = view.guest;
  if (disassembler === undefined || bytes.length === 0) return { instruction: undefined, raised: undefined };
  const instruction = disassembler.examine({ bytes, mode: view.bits, address: rip });
  if (instruction !== undefined) {
    const raised =
      fetchFault(view, instruction.bytes.length) ?? firstOf(rules.map((rule) => () => rule(view, instruction)));
    return { instruction, raised };
  }
  // The bytes may end where the rest of the instruction cannot be fetched.
  const isWhole = bytes.length === MAX_INSTRUCTION_SIZE;
  const raised = isWhole
    ? raise("#UD", "invalid-opcode", `${hexBytes(bytes)} begins with no instruction`)
    : fetchFault(view, bytes.length + 1);
  return { instruction: undefined, raised };
}

function fetchFault(view: GuestView, size: number): Raised | undefined {
  const { rip } = view.cpu.regs;
  const found = segmentFault(view, "cs", rip, { kind: "fetch", size });
  if (found === undefined) return undefined;
  const { vector, errorCode, address, fault, problem } = found;
  const what = address === view.linear("cs", rip) ? "it" : `the rest of it, at ${hex(address)},`;
  return { vector, errorCode, cause: "fetch", address, access: "fetch", fault, why: `${what} ${problem}` };
}

function firstOf(finders: readonly (() => Raised | undefined)[]): Raised | undefined {
  for (const find of finders) {
    const found = find();
    if (found !== undefined) return found;
  }
  return undefined;
}
