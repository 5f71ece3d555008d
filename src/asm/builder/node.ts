/** What the builder records: one node for each statement. Nodes are plain data; assembling gives them their meaning. */
import type { CallSite } from "./call-site.ts";
import type { Decorators } from "../operands/decorators.ts";
import type { Expression } from "../operands/expression.ts";
import type { Far } from "../operands/far.ts";
import type { Forms } from "../instructions/instruction-types.d.ts";
import type { Memory } from "../operands/memory.ts";
import type { Mode } from "../mode.ts";
import type { Register } from "../operands/register.ts";

/** The name of an instruction, after aliases. */
export type Mnemonic = keyof Forms;

/** A prefix that the author wrote. Only text has `notrack`: an indirect branch to anywhere (SDM vol. 1, 18.3). */
export type Prefix = "rep" | "repe" | "repne" | "lock" | "notrack";

/** Which of an instruction's encodings the author wants. Only text has it: `{evex}` before the instruction. */
export type EncodingChoice = "vex" | "vex3" | "evex" | "load" | "store";

/** An operand as nodes hold it: a label by its name has become an expression, a number a bigint. */
export type NodeOperand = Register | Memory | bigint | Expression | Far;

interface Statement {
  /** Where it was written. */
  readonly site: CallSite;
}

/** The address that the name of a string instruction implies. */
export interface ImpliedAddress {
  /** In bits. */
  readonly size: 16 | 32 | 64;
  /** The segment of the source; `undefined` for DS. */
  readonly segment: string | undefined;
}

/** One instruction. */
export interface InstructionNode extends Statement {
  readonly kind: "instruction";
  /** The size of the code that it is in. */
  readonly mode: Mode;
  readonly mnemonic: Mnemonic;
  readonly prefix: Prefix | undefined;
  readonly operands: readonly NodeOperand[];
  readonly decorators: Decorators;
  /** The operand size in bits that its name asked for: `pushw`, `retfd`. */
  readonly operandSize?: 16 | 32 | 64;
  /** Whether all 64 bits of a number or of an address are written: `movabs`. */
  readonly isAbsolute?: true;
  /** Which of its encodings, where the author chose. */
  readonly encoding?: EncodingChoice;
  /** How a string instruction addresses memory where it is not as the mode has it: `lods al, byte ptr fs:[esi]`. */
  readonly implied?: ImpliedAddress;
}

/** A name for a place. */
export interface LabelNode extends Statement {
  readonly kind: "label";
  readonly name: string;
  /** The size of the code that it is in. */
  readonly mode: Mode;
  /** Whether the name is no business of who uses the program: it is left out of its labels. */
  readonly local?: true;
}

/** A name for a value. */
export interface ConstantNode extends Statement {
  readonly kind: "constant";
  readonly name: string;
  readonly value: Expression;
}

/** Little-endian numbers of one width. */
export interface NumbersNode extends Statement {
  readonly kind: "numbers";
  /** In bytes. */
  readonly width: 1 | 2 | 4 | 8 | 16;
  readonly values: readonly (bigint | Expression)[];
}

/** Bytes, with what the author wrote for them. */
export interface BytesNode extends Statement {
  readonly kind: "bytes";
  readonly bytes: Uint8Array;
  readonly text: string;
}

/** What a gap is filled with: a byte's value, or instructions that do nothing in code of a mode. */
export type Fill = number | { readonly nops: Mode };

/** Fill up to an aligned address. */
export interface AlignNode extends Statement {
  readonly kind: "align";
  /** A power of two, in bytes. */
  readonly alignment: number;
  readonly fill: Fill;
  /** Nothing is filled where this many bytes would not be enough. */
  readonly most?: number;
}

/** Fill up to a place further on. */
export interface AdvanceNode extends Statement {
  readonly kind: "advance";
  readonly to: Expression;
  /** Whether `to` counts from the beginning of the code instead of from address 0. */
  readonly fromBeginning: boolean;
  readonly fill: number;
  /** What text calls it: `.org`. */
  readonly directive?: string;
}

/** The same bytes several times, where the number of times depends on labels. */
export interface RepeatNode extends Statement {
  readonly kind: "repeat";
  readonly count: Expression;
  readonly unit: Uint8Array;
}

/** What follows belongs to a section. */
export interface SectionNode extends Statement {
  readonly kind: "section";
  readonly name: string;
  /** Whether it comes after all sections that hold bits: `.bss`. */
  readonly last: boolean;
}

/** What follows lies at an address of its own: a section that is placed apart. */
export interface OriginNode extends Statement {
  readonly kind: "origin";
  /** The section's name. */
  readonly name: string;
  readonly address: bigint;
}

/** Any statement. */
export type Node =
  | InstructionNode
  | LabelNode
  | ConstantNode
  | NumbersNode
  | BytesNode
  | AlignNode
  | AdvanceNode
  | RepeatNode
  | SectionNode
  | OriginNode;
