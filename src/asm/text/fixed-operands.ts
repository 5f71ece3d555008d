/** Operands that an instruction has whether they are written or not: GNU as lets one write them, and objdump shows them. */
import type { Operand } from "../operands/operand-types.ts";
import type { Mode } from "../mode.ts";
import type { Mnemonic } from "../builder/node.ts";

/** The operands by instruction; `written` are others, and `address` is the accumulator of the mode's address size. */
const rows: Readonly<Partial<Record<Mnemonic, string>>> = {
  blendvpd: "written written xmm0",
  blendvps: "written written xmm0",
  clzero: "address",
  invlpga: "address ecx",
  invlpgb: "address ecx edx",
  monitor: "address ecx|rcx edx|rdx",
  monitorx: "address ecx|rcx edx|rdx",
  mwait: "eax|rax ecx|rcx",
  mwaitx: "eax|rax ecx|rcx ebx|rbx",
  pblendvb: "written written xmm0",
  psmash: "address",
  pvalidate: "address ecx edx",
  rmpadjust: "address rcx rdx",
  rmpupdate: "address rcx",
  sha256rnds2: "written written xmm0",
  skinit: "eax",
  tpause: "written edx eax",
  umwait: "written edx eax",
  vmload: "address",
  vmrun: "address",
  vmsave: "address",
};

const accumulators: Readonly<Record<Mode, string>> = { 16: "ax", 32: "eax", 64: "rax" };

/** The operands without those that the instruction has anyway; as they are where others are written. */
export function withoutFixed(mnemonic: Mnemonic, operands: readonly Operand[], mode: Mode): readonly Operand[] {
  const names = rows[mnemonic]?.replace("address", accumulators[mode]).split(" ");
  if (names?.length !== operands.length) return operands;
  const isFixed = (place: number): boolean => names[place] !== "written";
  const isSo = operands.every((operand, i) => !isFixed(i) || names[i]!.split("|").includes(nameOf(operand)));
  return isSo ? operands.filter((_, i) => !isFixed(i)) : operands;
}

function nameOf(operand: Operand): string {
  return typeof operand === "object" && operand.kind === "register" ? operand.name : "";
}
