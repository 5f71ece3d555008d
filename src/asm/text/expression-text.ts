/** Reads expressions: numbers, labels, registers, brackets, and operators by their precedence. */
import type { Expression } from "../operands/expression.ts";
import { addressOf, calculate, constant, here, isExpression } from "../operands/expression.ts";
import { wholeNumber } from "../operands/whole-number.ts";
import type { Operator } from "../operands/operator.ts";
import { operators } from "../operands/operator.ts";
import type { Register } from "../operands/register.ts";
import type { Cursor } from "./cursor.ts";
import { memorySizes } from "./memory-sizes.ts";
import { hintForNumber, readCharacter, readNumber } from "./literals.ts";
import { findRegister, stackRegister } from "./register-names.ts";
import type { Symbols } from "./symbols.ts";
import type { Term } from "./term.ts";
import { asIndex, combine, registerTerm, valueTerm } from "./term.ts";
import type { Token } from "./tokenizer.ts";

/** Operators of two operands by how they are written; Intel's syntax has words for some. */
const binaryOperators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ...(Object.keys(operators) as Operator[])
    .filter((each) => operators[each].rank > 0)
    .map((each) => [each, each] as const),
  ["<>", "!="],
  ["shl", "<<"],
  ["shr", ">>"],
  ["and", "&"],
  ["or", "|"],
  ["xor", "^"],
  ["mod", "%"],
  ["eq", "=="],
  ["ne", "!="],
  ["lt", "<"],
  ["le", "<="],
  ["gt", ">"],
  ["ge", ">="],
]);

/** Operators before their operand. */
const unaryOperators: ReadonlyMap<string, Operator | "plus"> = new Map<string, Operator | "plus">([
  ["-", "negate"],
  ["+", "plus"],
  ["~", "complement"],
  ["!", "not"],
  ["not", "complement"],
]);

/** So many operators may one expression have. */
const mostOperators = 1000;

/** What may begin a value. */
const valueWords: readonly string[] = ["a number", "a label"];
const operandWords: readonly string[] = ["a register", ...valueWords];

/** Reads expressions of one statement. */
export class ExpressionReader {
  readonly #cursor: Cursor;
  readonly #symbols: Symbols;
  /** Whether registers are registers: in data they are the names of labels. */
  readonly #registers: boolean;
  /** Whether `.` is where the next statement lies: of one number among several it is not. */
  readonly #isHere: boolean;
  #operators = 0;
  /** The size that was written inside of brackets, as GCC writes it: `[qword ptr table[rax*8]]`. */
  size: string | undefined;

  constructor(cursor: Cursor, symbols: Symbols, registers: boolean, isHere = true) {
    this.#cursor = cursor;
    this.#symbols = symbols;
    this.#registers = registers;
    this.#isHere = isHere;
  }

  /** Reads a sum of registers and a value, with brackets. */
  term(rank = 1): Term {
    const cursor = this.#cursor;
    return cursor.nested(() => {
      let left = this.#indexed();
      for (;;) {
        const token = cursor.peek();
        const operator =
          token?.kind === "mark" || token?.kind === "name" ? binaryOperators.get(cursor.word()) : undefined;
        if (operator === undefined || operators[operator].rank < rank) return left;
        if (++this.#operators > mostOperators)
          throw cursor.error(`an expression has at most ${mostOperators} operators`);
        cursor.next();
        left = this.#combine(operator, left, this.term(operators[operator].rank + 1), token!);
      }
    });
  }

  /** Reads a value: no registers, no brackets. */
  value(): Expression {
    this.#operators = 0;
    return this.term().value;
  }

  #combine(operator: Operator, left: Term, right: Term, token: Token): Term {
    try {
      const term = combine(operator, left, right);
      if (typeof term !== "string")
        return operator === "-" && this.#isHere ? { ...term, value: this.#symbols.places.resolve(term.value) } : term;
      throw this.#cursor.error(term, { token });
    } catch (error) {
      throw this.#withToken(error, token);
    }
  }

  /** An operator's own complaint, with its place. */
  #withToken(error: unknown, token: Token): unknown {
    if (!(error instanceof Error) || (error as { source?: unknown }).source !== undefined) return error;
    return this.#cursor.error(error.message, { token, cause: error });
  }

  #prefixed(): Term {
    const cursor = this.#cursor;
    const token = cursor.peek();
    const operator = token?.kind === "mark" || token?.kind === "name" ? unaryOperators.get(cursor.word()) : undefined;
    if (operator === undefined || (token!.kind === "name" && !this.#beginsValue())) return this.#primary();
    cursor.next();
    const operand = cursor.nested(() => this.#prefixed());
    if (operator === "plus") return operand;
    if (operand.registers.length > 0) throw cursor.error("registers are only added and multiplied", { token });
    try {
      return { ...operand, value: calculate(operator, operand.value) };
    } catch (error) {
      throw this.#withToken(error, token!);
    }
  }

  /** Whether a value follows the next token, so that the token is an operator and not a label's name. */
  #beginsValue(): boolean {
    const after = this.#cursor.peek(1);
    return after !== undefined && (after.kind !== "mark" || /^[-+~!([.]$/.test(after.text));
  }

  /** A value with its operators, and what brackets after it add: `-8[rax]` is 8 below RAX. */
  #indexed(): Term {
    const cursor = this.#cursor;
    let term = this.#prefixed();
    while (this.#registers && cursor.peek()?.text === "[") {
      const token = cursor.peek()!;
      term = this.#combine("+", term, asIndex(this.#bracketed()), token);
    }
    return term;
  }

  #bracketed(): Term {
    const cursor = this.#cursor;
    cursor.next();
    if (findRegister(cursor.word())?.class === "seg" && cursor.word(1) === ":")
      throw cursor.error("a segment register stands before the brackets", { hint: `write ${cursor.word()}:[...]` });
    if (Object.hasOwn(memorySizes, cursor.word()) && cursor.word(1) === "ptr") {
      if (this.size !== undefined) throw cursor.error("the operand has two sizes");
      this.size = cursor.word();
      cursor.skip(2);
    }
    const inside = this.term();
    cursor.expect("]");
    return { ...inside, isMemory: true };
  }

  #primary(): Term {
    const cursor = this.#cursor;
    const token = cursor.peek();
    if (token === undefined) throw cursor.unexpected(...this.#words);
    switch (token.kind) {
      case "number":
        return this.#number(cursor.next());
      case "character":
        return this.#character(cursor.next());
      case "hole":
        return this.#hole(cursor.next());
      case "name":
        return this.#name(cursor.next());
      case "string":
        throw cursor.unexpected(...this.#words);
      case "mark":
        return this.#mark(token);
    }
  }

  get #words(): readonly string[] {
    return this.#registers ? operandWords : valueWords;
  }

  #mark({ text }: Token): Term {
    const cursor = this.#cursor;
    if (text === "(") {
      cursor.next();
      const inside = this.term();
      cursor.expect(")");
      return inside;
    }
    if (text === "[" && this.#registers) return this.#bracketed();
    // AT&T's `%eax` is accepted with Intel's order, too.
    const register = text === "%" && this.#registers ? findRegister(cursor.word(1)) : undefined;
    if (register === undefined) throw cursor.unexpected(...this.#words);
    cursor.next();
    return this.#register(cursor.next(), register);
  }

  #number(token: Token): Term {
    // `1b` and `1f` are the numeric labels before and after this place.
    if (/^\d+[bf]$/.test(token.text)) return valueTerm(addressOf(token.text));
    const value = readNumber(token.text);
    if (value === undefined)
      throw this.#cursor.error(`"${shorten(token.text)}" is no number`, { token, hint: hintForNumber(token.text) });
    return valueTerm(constant(value));
  }

  #character(token: Token): Term {
    const value = readCharacter(token.text);
    if (value === undefined) throw this.#cursor.error(`${token.text} is no character of one byte`, { token });
    return valueTerm(constant(value));
  }

  #hole(token: Token): Term {
    const { value } = token;
    if (typeof value === "number" || typeof value === "bigint") return valueTerm(constant(wholeNumber(value)));
    if (typeof value === "string") return valueTerm(this.#symbols.valueOf(value));
    // An expression of labels means its value, not the memory there.
    if (isExpression(value)) return valueTerm(value, true);
    if (this.#registers && isRegister(value)) return registerTerm(value);
    throw this.#cursor.error("this value cannot stand here", { token, expected: this.#words });
  }

  #name(token: Token): Term {
    const word = token.text.toLowerCase();
    if (word === "." || word === "$") return valueTerm(here);
    if (word === "offset" && this.#beginsOffset()) {
      if (this.#cursor.word() === "flat" && this.#cursor.word(1) === ":") this.#cursor.skip(2);
      return { ...this.#cursor.nested(() => this.#prefixed()), isOffset: true };
    }
    const register = this.#registers ? findRegister(word) : undefined;
    if (register !== undefined) return this.#register(token, register);
    // GCC calls through the PLT, which a program without shared libraries has none of: the linker goes straight there.
    if (this.#cursor.word() === "@" && this.#cursor.word(1) === "plt") this.#cursor.skip(2);
    return valueTerm(this.#symbols.valueOf(token.text));
  }

  #beginsOffset(): boolean {
    const token = this.#cursor.peek();
    return token !== undefined && (token.kind !== "mark" || token.text === "(" || token.text === "-");
  }

  /** A register; `st(1)` takes three tokens more. */
  #register(token: Token, register: Register): Term {
    const cursor = this.#cursor;
    if (token.text.toLowerCase() !== "st" || cursor.word() !== "(") return registerTerm(register);
    cursor.next();
    const numbered = stackRegister(cursor.next("0 to 7").text);
    if (numbered === undefined)
      throw cursor.error("there is no such register of the x87 stack", { token, expected: ["st(0) to st(7)"] });
    cursor.expect(")");
    return registerTerm(numbered);
  }
}

function isRegister(value: unknown): value is Register {
  return typeof value === "object" && value !== null && (value as Partial<Register>).kind === "register";
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
