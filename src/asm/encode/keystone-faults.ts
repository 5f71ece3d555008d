/**
 * The forms that Keystone is not asked for, because it gets them wrong without saying so, or worse. Every row has a case
 * that shows why; a test gives each case to Keystone and fails if the answer has become right.
 */
import type { Mode } from "../mode.ts";
import type { ResolvedInstruction } from "./resolved.ts";

/** A row of the list. */
export interface KeystoneFault {
  readonly why: string;
  readonly modes: readonly Mode[];
  /** A statement that Keystone gets wrong, as it would be printed for it. */
  readonly example: string;
  /** What GNU as makes of the example. */
  readonly bytes: string;
  matches(instruction: ResolvedInstruction): boolean;
}

const named = (...mnemonics: string[]) => {
  const set = new Set<string>(mnemonics);
  return (instruction: ResolvedInstruction): boolean => set.has(instruction.mnemonic);
};

/** The list. */
export const keystoneFaults: readonly KeystoneFault[] = [
  {
    why: "16-bit code gets a 32-bit operand size",
    modes: [16],
    example: "ret",
    bytes: "c3",
    matches: named("ret", "retf", "call"),
  },
  {
    why: "16-bit push of a number, and push and pop of fs and gs, get a 32-bit operand size",
    modes: [16],
    example: "push 0x1234",
    bytes: "68 34 12",
    matches: ({ mnemonic, operands: [operand] }) =>
      (mnemonic === "push" || mnemonic === "pop") &&
      (typeof operand === "bigint" || (operand?.kind === "register" && operand.class === "seg")),
  },
  {
    why: "32-bit lgdt, lidt, sgdt and sidt get a 16-bit operand size, and with it a base of 24 bits",
    modes: [32],
    example: "lgdt [eax]",
    bytes: "0f 01 10",
    matches: named("lgdt", "lidt", "sgdt", "sidt"),
  },
  {
    why: "an address without registers becomes relative to RIP",
    modes: [64],
    example: "mov byte ptr [0x4000], 0x12",
    bytes: "c6 04 25 00 40 00 00 12",
    matches: ({ operands }) =>
      operands.some((each) => typeof each === "object" && each.kind === "memory" && isAbsolute(each)),
  },
];

function isAbsolute(memory: { readonly base: string | undefined; readonly index: string | undefined }): boolean {
  return memory.base === undefined && memory.index === undefined;
}

/** Whether an instruction is on the list. */
export function isKeystoneFault(instruction: ResolvedInstruction): boolean {
  return keystoneFaults.some((fault) => fault.modes.includes(instruction.mode) && fault.matches(instruction));
}
