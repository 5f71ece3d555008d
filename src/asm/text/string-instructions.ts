/** String instructions with their operands written out: `movs byte ptr es:[edi], byte ptr [esi]`. */
import { instructionCodes } from "../instructions/instruction-codes.ts";
import type { Operand } from "../operands/operand-types.ts";
import type { Memory } from "../operands/memory.ts";
import type { Mode } from "../mode.ts";
import { modes } from "../mode.ts";
import type { ImpliedAddress, Mnemonic } from "../builder/node.ts";
import type { Register } from "../operands/register.ts";

/** Memory whose address an instruction implies. */
type Place = "source" | "destination" | "table";

/** The operands of a string instruction, in order; XLAT's are written in the same way. */
const shapes: Readonly<Record<string, readonly (Place | "accumulator" | "port")[]>> = {
  movs: ["destination", "source"],
  cmps: ["source", "destination"],
  lods: ["accumulator", "source"],
  stos: ["destination", "accumulator"],
  scas: ["accumulator", "destination"],
  ins: ["destination", "port"],
  outs: ["port", "source"],
  xlat: ["table"],
};

const suffixes: Readonly<Record<number, string>> = { 8: "b", 16: "w", 32: "d", 64: "q" };
const accumulators: Readonly<Record<string, number>> = { al: 8, ax: 16, eax: 32, rax: 64 };

/** A string instruction, and how it addresses memory where that is not as the mode has it. */
export interface StringInstruction {
  readonly mnemonic: Mnemonic;
  readonly implied: ImpliedAddress | undefined;
}

/** A string instruction by its short name, or what is wrong with its operands; `undefined` for others. */
export function stringInstruction(
  name: string,
  operands: readonly Operand[],
  mode: Mode,
): StringInstruction | string | undefined {
  const base = /^(movs|cmps|lods|stos|scas|ins|outs|xlat)([bwdq]?)$/.exec(name);
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
  const widths = new Set<number>(stem === "xlat" ? [8] : []);
  const sizes = new Set<ImpliedAddress["size"]>();
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
      const addressSize = sizeOfAddress(operand, role);
      if (addressSize === undefined) return `the ${role} is [${registerOf(mode, role)}]`;
      if (role === "destination" && operand.segment !== undefined && operand.segment !== "es")
        return "the segment of the destination is es";
      sizes.add(addressSize);
      if (operand.size !== 0) widths.add(operand.size);
      if (role !== "destination" && operand.segment !== "ds") segment = operand.segment;
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
  if (sizes.size !== 1) return "the addresses have two sizes";
  const [size] = sizes as unknown as [ImpliedAddress["size"]];
  const mnemonic = `${stem}${suffixes[width[0]!] ?? ""}`;
  if (!Object.hasOwn(instructionCodes, mnemonic)) return `there is no ${stem} of ${width[0]!} bits`;
  const implied = size === mode && segment === undefined ? undefined : { size, segment };
  return { mnemonic: mnemonic as Mnemonic, implied };
}

const letters = { 16: "", 32: "e", 64: "r" } as const;

const addresses = { source: "si", destination: "di", table: "bx" } as const;

function registerOf(size: Mode, role: Place): string {
  return `${letters[size]}${addresses[role]}`;
}

/** The size in bits of an address that a string instruction can have; `undefined` for others. */
function sizeOfAddress({ base, index, displacement }: Memory, role: Place): Mode | undefined {
  if (index !== undefined || displacement !== 0n) return undefined;
  return modes.find((size) => registerOf(size, role) === base);
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
