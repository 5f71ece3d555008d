/** Statements that are read several times or not at all: `.rept`, `.if`. */
import { Cursor } from "./cursor.ts";
import { constantOf } from "./directive.ts";
import type { ProgramText } from "./program-text.ts";
import type { Statement, Token } from "./tokenizer.ts";

/** So many statements may repetition make: beyond it a slip of the pen is likelier than the wish. */
const mostRepeated = 1_000_000;
/** Repetitions nest no deeper than this. */
const deepest = 20;

const openings = /^\.(rept|rep|irp|irpc|macro)$/;
const conditionals = /^\.(if|ifdef|ifndef|ifnotdef|else|elseif|endif)$/;
const flowDirectives = /^\.(rept|rep|endr|if|ifdef|ifndef|ifnotdef|else|elseif|endif)$/;
const closings = /^\.(endr|endm)$/;

interface Repetition {
  readonly count: number;
  readonly body: Statement[];
  readonly opening: Cursor;
  /** Repetitions inside of it that are open. */
  depth: number;
}

interface Condition {
  readonly opening: Cursor;
  /** Whether what stands here is read. */
  active: boolean;
  /** Whether a branch was read, so that no other is. */
  done: boolean;
  sawElse: boolean;
}

/** Decides which statements are read, and how often. */
export class Flow {
  readonly #program: ProgramText;
  readonly #readStatement: (statement: Statement) => void;
  #repetition: Repetition | undefined;
  readonly #conditions: Condition[] = [];
  #repeated = 0;
  #depth = 0;
  /** How often what is read is repeated, by all repetitions around it. */
  #times = 1;

  constructor(program: ProgramText, readStatement: (statement: Statement) => void) {
    this.#program = program;
    this.#readStatement = readStatement;
  }

  read(statement: Statement): void {
    const labels = countLabels(statement);
    const word = directiveOf(statement[labels]);
    if (labels > 0 && word !== undefined && flowDirectives.test(word) && this.#repetition === undefined) {
      this.read(statement.slice(0, labels));
      return this.read(statement.slice(labels));
    }
    if (this.#repetition !== undefined) return this.#collect(this.#repetition, statement, word);
    if (word !== undefined && this.#readCondition(statement, word)) return;
    if (this.#conditions.some((each) => !each.active)) return;
    if (word === ".rept" || word === ".rep") return this.#open(statement);
    if (word === ".endr") throw new Cursor(this.#program.source, statement).error(".endr has no .rept before it");
    this.#readStatement(statement);
  }

  /** What must be closed by the end of the text. */
  finish(): void {
    const { source, prefix } = this.#program;
    const open = this.#repetition ?? this.#conditions.at(-1);
    if (open !== undefined) {
      const missing = open === this.#repetition ? ".rept has no .endr" : ".if has no .endif";
      throw new Cursor(source, open.opening.statement).error(missing);
    }
    if (prefix === undefined) return;
    const end = source.text.trimEnd().length;
    throw new Cursor(source, [{ kind: "name", text: prefix, start: end - 1, end }]).error(
      `the prefix ${prefix} has no instruction`,
    );
  }

  #open(statement: Statement): void {
    const opening = new Cursor(this.#program.source, statement);
    opening.next();
    const count = constantOf(this.#program, opening, "the number of repetitions");
    opening.expectEnd();
    if (count < 0n || count > BigInt(mostRepeated))
      throw opening.error(`a repetition is of 0 to ${mostRepeated} times, got ${count}`, { token: statement[1] });
    this.#repetition = { count: Number(count), body: [], opening, depth: 0 };
  }

  #collect(repetition: Repetition, statement: Statement, word: string | undefined): void {
    if (word !== undefined && openings.test(word)) repetition.depth++;
    if (word === undefined || !closings.test(word) || repetition.depth-- > 0) {
      repetition.body.push(statement);
      return;
    }
    this.#repetition = undefined;
    this.#repeat(repetition);
  }

  #repeat({ count, body, opening }: Repetition): void {
    const { source } = this.#program;
    const outer = this.#times;
    this.#times = outer * count;
    this.#repeated += count * body.length;
    if (Math.max(this.#times, this.#repeated) > mostRepeated)
      throw new Cursor(source, opening.statement).error(`repetitions make more than ${mostRepeated} statements`);
    if (++this.#depth > deepest)
      throw new Cursor(source, opening.statement).error(`repetitions nest more than ${deepest} deep`);
    for (let i = 0; i < count; i++) for (const each of body) this.read(each);
    this.#depth--;
    this.#times = outer;
  }

  #readCondition(statement: Statement, word: string): boolean {
    if (!conditionals.test(word)) return false;
    const cursor = new Cursor(this.#program.source, statement);
    cursor.next();
    const last = this.#conditions.at(-1);
    const outer = this.#conditions.slice(0, -1).every((each) => each.active);
    if (word.startsWith(".if")) {
      const active = last?.active !== false && outer && this.#holds(cursor, word);
      this.#conditions.push({ opening: cursor, active, done: active, sawElse: false });
      return true;
    }
    if (last === undefined) throw cursor.error(`${word} has no .if before it`, { token: statement[0] });
    if (word === ".endif") this.#conditions.pop();
    else {
      if (last.sawElse) throw cursor.error(`${word} follows .else`, { token: statement[0] });
      last.sawElse = word === ".else";
      last.active = outer && !last.done && (word === ".else" || this.#holds(cursor, ".if"));
      last.done ||= last.active;
    }
    if (word !== ".elseif") cursor.expectEnd();
    return true;
  }

  #holds(cursor: Cursor, word: string): boolean {
    if (word === ".if") return constantOf(this.#program, cursor, "the condition") !== 0n;
    const name = cursor.next("a symbol").text;
    cursor.expectEnd();
    const isDefined =
      this.#program.symbols.has(name) ||
      this.#program.nodes.some((node) => node.kind === "label" && node.name === name);
    return isDefined === (word === ".ifdef");
  }
}

/** The number of tokens that are labels with their colons. */
function countLabels(statement: Statement): number {
  let count = 0;
  while (statement[count + 1]?.text === ":") count += 2;
  return count;
}

/** The directive that a token is, in lower case. */
function directiveOf(token: Token | undefined): string | undefined {
  return token?.kind === "name" && token.text.startsWith(".") ? token.text.toLowerCase() : undefined;
}
