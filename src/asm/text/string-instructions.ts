/** String instructions with their operands written out: `movs byte ptr es:[edi], byte ptr [esi]`. */
import type { Operand } from "../code-types.ts";
import type { Memory } from "../memory.ts";
import type { Mode } from "../mode.ts";
import type { Mnemonic } from "../node.ts";
import type { Register } from "../register.ts";

/** The operands of a string instruction, in order. */
const shapes: Readonly<Record<string, readonly ("source" | "destination" | "accumulator" | "port")[]>> = {
  movs: ["destination", "source"],
  cmps: ["source", "destination"],
  lods: ["accumulator", "source"],
  stos: ["destination", "accumulator"],
  scas: ["accumulator", "destination"],
  ins: ["destination", "port"],
  outs: ["port", "source"],
};

const suffixes: Readonly<Record<number, string>> = { 8: "b", 16: "w", 32: "d", 64: "q" };
const accumulators: Readonly<Record<string, number>> = { al: 8, ax: 16, eax: 32, rax: 64 };

/** A string instruction by its short name, or what is wrong with its operands; `undefined` for others. */
export function stringInstruction(
  name: string,
  operands: readonly Operand[],
  mode: Mode,
): { readonly mnemonic: Mnemonic; readonly segment: string | undefined } | string | undefined {
  const base = /^(movs|cmps|lods|stos|scas|ins|outs)([bwdq]?)$/.exec(name);
  if (base === null || operands.length === 0) return undefined;
  const [, stem, suffix] = base as unknown as [string, string, string];
  const shape = shapes[stem]!;
  // `movsd xmm0, xmm1` and `cmpsd xmm0, xmm1, 1` move and compare numbers.
  if (!operands.every((each) => isMemory(each) || isNamed(each))) return undefined;
  if (operands.some(isVector) || !operands.some(isMemory)) return undefined;
  const short =
    shape.length === 2 && operands.length === 1
      ? shape.filter((each) => each !== "accumulator" && each !== "port")
      : shape;
  if (short.length !== operands.length) return `${stem} takes ${shape.length} operands`;
  const widths = new Set<number>();
  let segment: string | undefined;
  for (const [i, operand] of operands.entries()) {
    const role = short[i]!;
    if (role === "port") {
      if (isMemory(operand) || operand.name !== "dx") return "the port is dx";
    } else if (role === "accumulator") {
      const width = isMemory(operand) ? undefined : accumulators[operand.name];
      if (width === undefined) return "the register is al, ax, eax or rax";
      widths.add(width);
    } else {
      if (!isMemory(operand)) return `the ${role} is memory`;
      const wrong = wrongAddress(operand, role, mode);
      if (wrong !== undefined) return wrong;
      if (operand.size !== 0) widths.add(operand.size);
      if (role === "source" && operand.segment !== "ds") segment = operand.segment;
    }
  }
  const width =
    suffix === ""
      ? [...widths]
      : Object.entries(suffixes)
          .filter(([, each]) => each === suffix)
          .map(([bits]) => Number(bits));
  if (widths.size > 1 || (widths.size === 1 && !widths.has(width[0]!))) return "the operands have two sizes";
  if (width.length === 0) return "the size of the memory operand is not known";
  return { mnemonic: `${stem}${suffixes[width[0]!] ?? ""}` as Mnemonic, segment };
}

function wrongAddress(memory: Memory, role: "source" | "destination", mode: Mode): string | undefined {
  const letter = { 16: "", 32: "e", 64: "r" }[mode];
  const register = `${letter}${role === "source" ? "si" : "di"}`;
  if (memory.base !== register || memory.index !== undefined || memory.displacement !== 0n)
    return `the ${role} is [${register}]`;
  if (role === "destination" && memory.segment !== undefined && memory.segment !== "es")
    return "the segment of the destination is es";
  return undefined;
}

function isMemory(operand: Operand): operand is Memory {
  return typeof operand === "object" && operand.kind === "memory";
}

function isNamed(operand: Operand): operand is Register {
  return typeof operand === "object" && operand.kind === "register";
}

function isVector(operand: Operand): boolean {
  return isNamed(operand) && operand.class === "xmm";
}
