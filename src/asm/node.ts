/** What the builder records: one node for each statement. Nodes are plain data; assembling gives them their meaning. */
import type { CallSite } from "./call-site.ts";
import type { Decorators } from "./decorators.ts";
import type { Expression } from "./expression.ts";
import type { Forms } from "./instructions.ts";
import type { Memory } from "./memory.ts";
import type { Register } from "./register.ts";

/** The name of an instruction, after aliases. */
export type Mnemonic = keyof Forms;

/** A prefix that the author wrote. */
export type Prefix = "rep" | "repe" | "repne" | "lock";

/** An operand as nodes hold it: a label by its name has become an expression, a number a bigint. */
export type NodeOperand = Register | Memory | bigint | Expression;

interface Statement {
  /** Where it was written. */
  readonly site: CallSite;
}

/** One instruction. */
export interface InstructionNode extends Statement {
  readonly kind: "instruction";
  readonly mnemonic: Mnemonic;
  readonly prefix: Prefix | undefined;
  readonly operands: readonly NodeOperand[];
  readonly decorators: Decorators;
}

/** A name for a place. */
export interface LabelNode extends Statement {
  readonly kind: "label";
  readonly name: string;
}

/** Little-endian numbers of one width. */
export interface NumbersNode extends Statement {
  readonly kind: "numbers";
  /** In bytes. */
  readonly width: 1 | 2 | 4 | 8;
  readonly values: readonly (bigint | Expression)[];
}

/** Bytes, with what the author wrote for them. */
export interface BytesNode extends Statement {
  readonly kind: "bytes";
  readonly bytes: Uint8Array;
  readonly text: string;
}

/** Fill up to an aligned address. */
export interface AlignNode extends Statement {
  readonly kind: "align";
  /** A power of two, in bytes. */
  readonly alignment: number;
  readonly fill: number;
}

/** Any statement. */
export type Node = InstructionNode | LabelNode | NumbersNode | BytesNode | AlignNode;
