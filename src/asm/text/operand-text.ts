/** Reads operands: what GNU's Intel syntax means by them. */
import type { Operand } from "../operands/operand-types.ts";
import type { Broadcast, BroadcastCount, Masked, Rounding, RoundingName } from "../operands/decorators.ts";
import { AsmError } from "../asm-error.ts";
import { add, constant, isAddress, isExpression, simplest } from "../operands/expression.ts";
import type { Expression } from "../operands/expression.ts";
import type { Memory, Term as AddressTerm } from "../operands/memory.ts";
import { memory, times } from "../operands/memory.ts";
import type { Mode } from "../mode.ts";
import type { Register } from "../operands/register.ts";
import { refuseAtBeginning, refuseMemoryBehind } from "./att-syntax.ts";
import type { Cursor } from "./cursor.ts";
import { ExpressionReader } from "./expression-text.ts";
import { memorySizes } from "./memory-sizes.ts";
import { findRegister } from "./register-names.ts";
import type { Symbols } from "./symbols.ts";
import type { Term } from "./term.ts";
import type { Token } from "./tokenizer.ts";

/** A far address: `0x8:start`. */
export interface FarPointer {
  readonly kind: "far pointer";
  readonly selector: bigint | Expression;
  readonly offset: bigint | Expression;
  /** The size of the offset in bits; 0 where the code's own size decides. */
  readonly bits: 0 | 16 | 32;
}

/** An operand, and what was written before it. */
export interface OperandText {
  readonly operand: Operand | FarPointer;
  /** Whether `far` stands before it. */
  readonly isFar: boolean;
  /** The first token. */
  readonly token: Token;
  /** The size in bits that was written before a number without brackets: `word ptr 5` is the number, to GNU as. */
  readonly numberSize?: 16 | 32 | 64;
}

/** What stands before an operand. */
interface Before {
  readonly size: string | undefined;
  readonly segment: Register | undefined;
  readonly isFar: boolean;
  readonly isBroadcast: boolean;
}

/**
 * Reads one operand. A bare address is the memory there, as everywhere in Intel's syntax, but of a branch it is the target.
 */
export function readOperand(cursor: Cursor, symbols: Symbols, mode: Mode, isBranch: boolean): OperandText {
  const token = cursor.peek();
  if (token === undefined) throw cursor.unexpected("an operand");
  refuseAtBeginning(cursor);
  const ready = readReady(cursor);
  if (ready !== undefined) return { operand: decorate(cursor, ready, false), isFar: false, token };
  const outside = readBefore(cursor);
  const reader = new ExpressionReader(cursor, symbols, true);
  const term = reader.term();
  refuseMemoryBehind(cursor, token);
  if (outside.size !== undefined && reader.size !== undefined)
    throw cursor.error("the operand has two sizes", { token });
  const before = reader.size === undefined ? outside : { ...outside, size: reader.size };
  if (cursor.word() === ":" && !term.isMemory && term.registers.length === 0) {
    cursor.next();
    const offset = new ExpressionReader(cursor, symbols, true).value();
    const bits = before.size === "dword" ? 32 : before.size === "word" ? 16 : 0;
    const operand: FarPointer = {
      kind: "far pointer",
      selector: simplest(term.value),
      offset: simplest(offset),
      bits,
    };
    return { operand, isFar: true, token };
  }
  const operand = meaning(cursor, term, before, { mode, isBranch, token });
  const size = ([16, 32, 64] as const).find((bits) => bits === memorySizes[before.size ?? ""]);
  if (typeof operand === "bigint" && size !== undefined)
    return { operand, isFar: before.isFar, token, numberSize: size };
  return { operand: decorate(cursor, operand, before.isBroadcast), isFar: before.isFar, token };
}

/** An operand that was put into a template ready-made, or a rounding mode. */
function readReady(cursor: Cursor): Operand | undefined {
  const token = cursor.peek()!;
  if (token.kind === "hole" && isReady(token.value)) {
    cursor.next();
    return token.value;
  }
  if (token.text !== "{") return undefined;
  const words: string[] = [];
  for (let ahead = 1; ahead <= 3 && cursor.word(ahead) !== "}" && cursor.word(ahead) !== ""; ahead++)
    words.push(cursor.word(ahead));
  const name = words.join("") as RoundingName;
  if (!roundings.includes(name)) throw cursor.unexpected(...roundings.map((each) => `{${each}}`));
  cursor.skip(words.length + 1);
  cursor.expect("}");
  return { kind: "rounding", name } satisfies Rounding;
}

const roundings: readonly RoundingName[] = ["rn-sae", "rd-sae", "ru-sae", "rz-sae", "sae"];

function isReady(value: unknown): value is Memory | Masked | Broadcast | Rounding {
  const kind = typeof value === "object" && value !== null ? (value as { kind?: unknown }).kind : undefined;
  return kind === "memory" || kind === "masked" || kind === "broadcast" || kind === "rounding";
}

/** Reads `dword ptr`, `es:`, `short`, `near`, `far`, in any order. */
function readBefore(cursor: Cursor): Before {
  let size: string | undefined;
  let segment: Register | undefined;
  let isFar = false;
  let isBroadcast = false;
  for (;;) {
    const token = cursor.peek();
    const word = token?.kind === "name" ? cursor.word() : "";
    const follower = cursor.peek(1);
    if (Object.hasOwn(memorySizes, word) && (cursor.word(1) === "ptr" || cursor.word(1) === "bcst")) {
      if (size !== undefined) throw cursor.error("the operand has two sizes");
      size = word;
      isBroadcast = cursor.word(1) === "bcst";
      cursor.skip(2);
    } else if (
      Object.hasOwn(memorySizes, word) &&
      follower !== undefined &&
      (follower.kind === "name" || follower.text === "[")
    )
      throw cursor.error(`"ptr" is missing after "${token!.text}"`, { hint: `write ${word} ptr` });
    else if (findRegister(word)?.class === "seg" && cursor.word(1) === ":") {
      if (segment !== undefined) throw cursor.error("the operand has two segments");
      segment = findRegister(word);
      cursor.skip(2);
    } else if (
      /^(short|near|far)$/.test(word) &&
      follower !== undefined &&
      (follower.kind !== "mark" || follower.text === "[")
    ) {
      isFar = word === "far";
      cursor.skip(cursor.word(1) === "ptr" ? 2 : 1);
    } else return { size, segment, isFar, isBroadcast };
  }
}

interface Where {
  readonly mode: Mode;
  readonly isBranch: boolean;
  readonly token: Token;
}

/** What a term is as an operand. */
function meaning(cursor: Cursor, term: Term, before: Before, { mode, isBranch, token }: Where): Operand {
  const { size, segment } = before;
  const { registers, value } = term;
  if (!term.isMemory && registers.length > 0) {
    const [only] = registers;
    const isPlain = registers.length === 1 && !only!.isScaled && simplest(value) === 0n;
    if (!isPlain) throw cursor.error("registers are added inside of brackets", { token, hint: "write [...]" });
    if (isInstructionPointer(only!.register)) throw cursor.error(`${only!.register.name} is no operand`, { token });
    if (segment !== undefined || size !== undefined)
      throw cursor.error("a register has a size of its own, and no segment", { token });
    return only!.register;
  }
  // A known number is one with a size, too; of an address that comes later, the size makes memory.
  const isSized = size !== undefined && (isBranch || before.isBroadcast || typeof simplest(value) !== "bigint");
  const isMemory =
    term.isMemory || isSized || segment !== undefined || (!term.isOffset && !isBranch && isAddress(value));
  if (!isMemory || (term.isOffset && !term.isMemory)) return simplest(value);
  return memoryOf(cursor, term, size, segment, mode, token);
}

const isInstructionPointer = ({ name }: Register): boolean => name === "rip" || name === "eip";

function memoryOf(
  cursor: Cursor,
  { registers, value }: Term,
  size: string | undefined,
  segment: Register | undefined,
  mode: Mode,
  token: Token,
): Memory {
  const bits = size === undefined ? 0 : memorySizes[size]!;
  const pointer = registers.find(({ register }) => isInstructionPointer(register));
  if (pointer !== undefined) {
    if (registers.length > 1 || pointer.isScaled)
      throw cursor.error(`no other register is added to ${pointer.register.name}`, { token });
    if (mode !== 64) throw cursor.error(`${mode}-bit code has no addresses relative to the instruction`, { token });
    // A plain number counts from the end of the instruction; an address is one, wherever it is named.
    const displacement = isAddress(value) ? value : add(value, { ...constant(0n), after: 1 });
    return {
      ...memory(bits, [0]),
      addressSize: pointer.register.name === "rip" ? 64 : 32,
      segment: segment?.name,
      base: pointer.register.name,
      displacement: simplest(displacement),
    };
  }
  const selector = registers.find(({ register }) => register.class === "seg")?.register.name;
  if (selector !== undefined)
    throw cursor.error("a segment register stands before the brackets", { token, hint: `write ${selector}:[...]` });
  const terms: AddressTerm[] = registers.map(({ register, factor, isScaled }) => {
    if (!isScaled) return register;
    const scale = ([1, 2, 4, 8] as const).find((each) => BigInt(each) === factor);
    if (scale === undefined)
      throw cursor.error(`${register.name} is multiplied by 1, 2, 4 or 8, not by ${factor}`, { token });
    return times(register, scale);
  });
  if (segment !== undefined) terms.push(segment);
  try {
    return memory(bits, [value, ...terms]);
  } catch (error) {
    if (!(error instanceof AsmError)) throw error;
    throw cursor.error(error.message.split("\n")[0]!, { token, hint: error.hint, cause: error });
  }
}

/** Adds what stands in braces after an operand: a mask, `{z}`, `{1to16}`. */
function decorate(cursor: Cursor, operand: Operand, isBroadcast: boolean): Operand {
  let mask: Register<"k"> | undefined;
  let zeroing = false;
  let elements: number | true | undefined = isBroadcast ? true : undefined;
  // A rounding mode may stand here without a comma; it is an operand of its own.
  while (cursor.word() === "{" && !/^(r[nduz]|sae)$/.test(cursor.word(1))) {
    cursor.next();
    const token = cursor.next("k1 to k7", "z", "1to2 to 1to32");
    const word = token.text.toLowerCase();
    const register = word === "%" ? findRegister(cursor.next().text.toLowerCase()) : findRegister(word);
    const count = /^1to(2|4|8|16|32)$/.exec(word)?.[1];
    if (register?.class === "k" && mask === undefined) mask = register as Register<"k">;
    else if (word === "z" && !zeroing) zeroing = true;
    else if (count !== undefined && elements === undefined) elements = Number(count);
    else throw cursor.error(`unexpected "${token.text}"`, { token, expected: ["k1 to k7", "z", "1to2 to 1to32"] });
    cursor.expect("}");
  }
  let decorated = operand;
  if (elements !== undefined) {
    if (!isKind(operand, "memory")) throw cursor.error("only memory is broadcast");
    decorated = broadcastOf(operand, elements);
  }
  if (mask === undefined) {
    if (zeroing) throw cursor.error("{z} goes with a mask", { hint: "write {k1}{z}" });
    return decorated;
  }
  if (!isKind(operand, "memory") && !isKind(operand, "register"))
    throw cursor.error("only a register or memory has a mask");
  return { kind: "masked", target: operand, mask, zeroing };
}

function broadcastOf(memory: Memory, elements: number | true): Broadcast {
  return { kind: "broadcast", memory, to: elements === true ? undefined : (elements as BroadcastCount) };
}

function isKind<K extends "memory" | "register">(operand: Operand, kind: K): operand is Extract<Operand, { kind: K }> {
  return typeof operand === "object" && !isExpression(operand) && operand.kind === kind;
}
