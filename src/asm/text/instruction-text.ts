/** Reads instructions: prefixes, the mnemonic, the operands. */
import { waitingForms } from "../instructions/aliases.ts";
import type { Operand } from "../operands/operand-types.ts";
import type { Broadcast, Masked, Rounding } from "../operands/decorators.ts";
import { undecorate } from "../operands/decorators.ts";
import { far } from "../operands/far.ts";
import type { Mode } from "../mode.ts";
import { nearest } from "../../core/nearest.ts";
import type { InstructionNode, Mnemonic, NodeOperand, Prefix } from "../builder/node.ts";
import type { Cursor } from "./cursor.ts";
import { complete } from "./implied.ts";
import { findMnemonic, mnemonicNames, type Meaning } from "./mnemonics.ts";
import type { Macro } from "./macro.ts";
import type { FarPointer, OperandText } from "./operand-text.ts";
import { readOperand } from "./operand-text.ts";
import { readPrefixes, withPrefixes } from "./prefixes.ts";
import { findRegister } from "./register-names.ts";
import type { StringInstruction } from "./string-instructions.ts";
import { stringInstruction } from "./string-instructions.ts";
import { withoutLong, withSizes } from "./suffixes.ts";
import type { Symbols } from "./symbols.ts";
import type { Token } from "./tokenizer.ts";

/** Prefixes that GNU as takes and the builder has no word for. */
const otherPrefixes = /^(rex(\.\w+)?|[c-gs]s|bnd|xacquire|xrelease)$/;

/** What an instruction's text depends on. */
export interface InstructionContext {
  readonly mode: Mode;
  readonly symbols: Symbols;
  /** A prefix that was written as a statement of its own. */
  readonly prefix: Prefix | undefined;
  /** By their names in lower case. */
  readonly macros: ReadonlyMap<string, Macro>;
}

/** Reads one instruction; some are two to the CPU. */
export function readInstruction(cursor: Cursor, context: InstructionContext): InstructionNode[] {
  const { mode } = context;
  const [prefixes, token] = readPrefixes(cursor, context.prefix, mode);
  const { prefix } = prefixes;
  const name = token.text.toLowerCase();
  const { meaning, operands: written } = readOperands(cursor, token, name, context, prefixes.operandSize);
  const texts = meaning?.sizes === undefined ? written : withSizes(cursor, name, written, meaning.sizes);
  const site = cursor.site;
  const node = (mnemonic: Mnemonic, operands: readonly Operand[]): InstructionNode => {
    const { operands: plain, decorators } = undecorate<Exclude<Operand, Masked | Broadcast | Rounding>>(operands);
    return { kind: "instruction", mode, mnemonic, prefix, operands: plain as NodeOperand[], decorators, site };
  };
  const prefixed = (written: InstructionNode): InstructionNode => withPrefixes(written, prefixes, cursor, token);
  if (Object.hasOwn(waitingForms, name))
    return [
      { ...node("wait", []), prefix: undefined },
      prefixed(node(waitingForms[name as keyof typeof waitingForms], plainOperands(cursor, texts))),
    ];
  const chosen = stringForm(cursor, token, name, texts, mode);
  if (chosen !== undefined)
    return [
      prefixed({ ...node(chosen.mnemonic, []), ...(chosen.implied === undefined ? {} : { implied: chosen.implied }) }),
    ];
  const mnemonic = farMnemonic(meaning!.mnemonic, mode, texts);
  const operands = plainOperands(cursor, texts);
  if (meaning!.last !== undefined) operands.push(meaning!.last);
  const completed = complete(mnemonic, operands, mode);
  const { isAbsolute } = meaning!;
  const operandSize =
    prefixes.operandSize ?? meaning!.operandSize ?? (mnemonic === "push" ? texts[0]?.numberSize : undefined);
  return [
    prefixed({
      ...node(completed.mnemonic, completed.operands),
      ...(operandSize === undefined ? {} : { operandSize }),
      ...(isAbsolute === undefined ? {} : { isAbsolute }),
    }),
  ];
}

interface Read {
  readonly meaning: Meaning | undefined;
  readonly operands: readonly OperandText[];
}

function readOperands(
  cursor: Cursor,
  token: Token,
  name: string,
  context: InstructionContext,
  operandSize: Mode | undefined,
): Read {
  const { mode, symbols } = context;
  // GNU's names mean what the operand size has: `data32 iret` is IRETD.
  const meaning = token.kind === "name" ? findMnemonic(name, operandSize ?? mode) : undefined;
  const isWaiting = Object.hasOwn(waitingForms, name);
  if (meaning === undefined && !isWaiting && !/^(movs|cmps|lods|stos|scas|ins|outs)$/.test(name))
    throw unknownInstruction(cursor, token, name, context);
  const isBranch = meaning !== undefined && branches.test(meaning.mnemonic);
  const operands: OperandText[] = [];
  while (!cursor.atEnd) {
    if (operands.length > 0) {
      // `zmm3{rn-sae}`: GNU as takes a rounding mode without a comma, too.
      if (cursor.word() !== "{") cursor.expect(",");
    }
    operands.push(readOperand(cursor, symbols, mode, isBranch));
    if (!cursor.atEnd && cursor.word() !== "," && cursor.word() !== "{")
      throw cursor.unexpected('","', "the end of the statement");
  }
  return { meaning, operands };
}

/** Instructions whose operand is where they go: a bare label is that place, not the memory there. */
const branches = /^(j\w+|call|loop\w*|xbegin|ljmp|lcall)$/;

function unknownInstruction(cursor: Cursor, token: Token, name: string, { mode, macros }: InstructionContext): Error {
  if (otherPrefixes.test(name)) {
    return cursor.error(`the prefix ${name} cannot be written here`, {
      token,
      hint: "sizes and segments are written at the operands: word ptr fs:[...]",
    });
  }
  const otherModes = ([16, 32, 64] as const).filter((each) => each !== mode && findMnemonic(name, each) !== undefined);
  if (otherModes.length > 0) {
    return cursor.error(`${mode}-bit code has no ${name}`, {
      token,
      hint: `${otherModes.join("- and ")}-bit code has it`,
    });
  }
  const stem = withoutLong(name);
  if (stem !== undefined) {
    return cursor.error(`there is no instruction "${token.text}"`, {
      token,
      hint: `that is AT&T's syntax: write ${stem}, with the destination first, and dword ptr before memory without a size`,
    });
  }
  const close = nearest(name, [...mnemonicNames(mode), ...[...macros.values()].map((each) => each.name)]);
  return cursor.error(`there is no instruction "${token.text.slice(0, 40)}"`, {
    token,
    expected: ["an instruction", "a directive", "a label with a colon"],
    hint: isComment(cursor, token, close !== undefined)
      ? commentHint
      : close === undefined
        ? undefined
        : `did you mean ${close}?`,
  });
}

const commentHint = '";" separates statements; a comment begins with "#"';

/** Whether a word stands where other assemblers have comments, behind a semicolon; what could be a name needs a second word. */
function isComment(cursor: Cursor, token: Token, isLikeName: boolean): boolean {
  const { text } = cursor.source;
  const line = text.slice(text.lastIndexOf("\n", token.start) + 1, token.start);
  if (!line.trimEnd().endsWith(";")) return false;
  const isProse =
    cursor.peek()?.kind === "name" && findRegister(cursor.word()) === undefined && cursor.word(1) !== "ptr";
  return !isLikeName || isProse;
}

/** The operands as the builder has them. */
function plainOperands(cursor: Cursor, texts: readonly OperandText[]): Operand[] {
  return texts.map(({ operand, token }) => (isFarPointer(operand) ? farOperand(cursor, operand, token) : operand));
}

function farOperand(cursor: Cursor, { selector, offset, bits }: FarPointer, token: Token): Operand {
  if (typeof selector !== "bigint") return far(selector, offset, bits);
  if (selector >= 0n && selector <= 0xffffn) return far(Number(selector), offset, bits);
  throw cursor.error("the selector of a far address is a number from 0 to 0xffff", { token });
}

function isFarPointer(operand: Operand | FarPointer): operand is FarPointer {
  return typeof operand === "object" && operand.kind === "far pointer";
}

const hasSize = (operand: Operand | FarPointer, bits: number): boolean =>
  typeof operand === "object" && operand.kind === "memory" && operand.size === bits;

/** `jmp 8:start`, `jmp far ptr [x]` and `jmp fword ptr [x]` are far jumps, which the table has under names of their own. */
function farMnemonic(mnemonic: Mnemonic, mode: Mode, operands: readonly OperandText[]): Mnemonic {
  const [first] = operands;
  if ((mnemonic !== "jmp" && mnemonic !== "call") || first === undefined) return mnemonic;
  // In 16-bit code 32 bits hold a selector and an offset.
  const isFar =
    first.isFar ||
    isFarPointer(first.operand) ||
    hasSize(first.operand, 48) ||
    (mode === 16 && hasSize(first.operand, 32));
  if (!isFar) return mnemonic;
  return mnemonic === "jmp" ? "ljmp" : "lcall";
}

function stringForm(
  cursor: Cursor,
  token: Token,
  name: string,
  texts: readonly OperandText[],
  mode: Mode,
): StringInstruction | undefined {
  const found = stringInstruction(name, plainOperands(cursor, texts), mode);
  if (found === undefined) {
    if (/^(movs|cmps|lods|stos|scas|ins|outs)$/.test(name))
      throw cursor.error(`the size of ${name} is not known`, { token, hint: `write ${name}b, ${name}w or ${name}d` });
    return undefined;
  }
  if (typeof found === "string") throw cursor.error(`${name}: ${found}`, { token: texts[0]!.token });
  return found;
}
