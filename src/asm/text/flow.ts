/** Decides which statements are read, and how often: goes into macros and repetitions and out again. */
import { Conditions } from "./conditions.ts";
import { Cursor } from "./cursor.ts";
import { findDirective } from "./directives.ts";
import { conditionDirectives } from "./directives-condition.ts";
import { callMacro } from "./directives-macro.ts";
import type { FlowDirective, FlowReader } from "./flow-directive.ts";
import { flowDirectives } from "./flow-directives.ts";
import type { Input } from "./input.ts";
import { limits } from "./limits.ts";
import type { Block } from "./macro-body.ts";
import type { ProgramText } from "./program-text.ts";
import type { Statement, Token } from "./tokenizer.ts";

/** What is read before the text goes on. */
interface Frame {
  readonly input: Input;
  /** The conditions that were open where it was entered. */
  readonly conditions: number;
  /** How often what is read is repeated, by all repetitions around it. */
  readonly times: number;
}

/** An input to go into. */
interface Entry {
  /** Makes it, when there is room for it. */
  readonly open: () => Input;
  /** How often its statements are read: 1 for a macro. */
  readonly count: number;
  /** How many statements it makes in all. */
  readonly statements: number;
  /** How many UTF-16 units it makes. */
  readonly characters: number;
}

/** Reads an input, and the inputs that it leads to. */
export class Flow {
  readonly program: ProgramText;
  readonly conditions: Conditions = new Conditions();
  readonly #readStatement: (statement: Statement) => void;
  readonly #frames: Frame[] = [];
  #statements = 0;
  #characters = 0;

  constructor(program: ProgramText, readStatement: (statement: Statement) => void) {
    this.program = program;
    this.#readStatement = readStatement;
  }

  /** Reads everything. */
  run(input: Input): void {
    let frame: Frame | undefined = { input, conditions: 0, times: 1 };
    this.#frames.push(frame);
    while (frame !== undefined) {
      const statement: Statement | undefined = frame.input.next();
      if (statement !== undefined) this.#read(statement);
      else {
        this.conditions.checkClosed(frame.conditions);
        this.#leave();
      }
      frame = this.#frames.at(-1);
    }
  }

  /** Whether a name in lower case is that of a directive. */
  isDirective(name: string): boolean {
    return flowDirectives.has(name) || findDirective(name) !== undefined;
  }

  /** Whether a macro or a repetition is being read. */
  get isInside(): boolean {
    return this.#frames.length > 1;
  }

  /** Reads an input before what follows. */
  enter(cursor: Cursor, { open, count, statements, characters }: Entry): void {
    const times = this.#frames.at(-1)!.times * count;
    this.#statements += statements;
    this.#characters += characters;
    if (Math.max(times, this.#statements) > limits.statements)
      throw cursor.error(`macros and repetitions make more than ${limits.statements} statements`, {
        token: cursor.statement[0],
      });
    if (this.#characters > limits.characters)
      throw cursor.error(`macros make more than ${limits.characters} characters`, { token: cursor.statement[0] });
    if (this.#frames.length > limits.nesting)
      throw cursor.error(`macros and repetitions nest more than ${limits.nesting} deep`, {
        token: cursor.statement[0],
      });
    const input = open();
    this.#frames.push({ input, conditions: this.conditions.depth, times });
    this.program.source = input.source;
  }

  /** Reads no more of the innermost macro or repetition. */
  leaveEarly(): void {
    this.conditions.closeTo(this.#frames.at(-1)!.conditions);
    this.#leave();
  }

  /** Reads nothing more at all. */
  stop(): void {
    this.conditions.checkClosed(0);
    this.#frames.length = 0;
  }

  /** Takes statements as they are, up to the directive that closes what another opened. */
  collect({ cursor, token, name }: FlowDirective, openings: readonly string[], closing: string): Block {
    const { input } = this.#frames.at(-1)!;
    const statements: Statement[] = [];
    const start = cursor.statement.at(-1)!.end;
    let depth = 1;
    for (let statement = input.next(); statement !== undefined; statement = input.next()) {
      const labels = countLabels(statement);
      const word = directiveOf(statement[labels]);
      if (word === closing && --depth === 0) {
        if (labels > 0) statements.push(statement.slice(0, labels));
        return { source: input.source, statements, start, end: statement[labels]!.start };
      }
      if (word !== undefined && openings.includes(word)) depth++;
      statements.push(statement);
    }
    throw cursor.error(`${name} has no ${closing}`, { token });
  }

  #leave(): void {
    this.#frames.pop();
    const frame = this.#frames.at(-1);
    if (frame !== undefined) this.program.source = frame.input.source;
  }

  #read(statement: Statement): void {
    const labels = countLabels(statement);
    const token = statement[labels];
    const read = this.#readerOf(token);
    if (read === undefined || statement[labels + 1]?.text === "=") {
      if (this.conditions.areActive) this.#readStatement(statement);
      return;
    }
    const name = token!.text.toLowerCase();
    // What is not read opens and closes conditions only.
    if (!this.conditions.areActive && !Object.hasOwn(conditionDirectives, name)) return;
    if (labels > 0 && this.conditions.areActive) this.#readStatement(statement.slice(0, labels));
    const cursor = new Cursor(this.program.source, statement, labels + 1);
    read({ flow: this, cursor, name, token: token! });
  }

  #readerOf(token: Token | undefined): FlowReader | undefined {
    if (token?.kind !== "name") return undefined;
    const { macros } = this.program;
    const reader = token.text.startsWith(".") ? flowDirectives.get(token.text.toLowerCase()) : undefined;
    return reader ?? (macros.size > 0 && macros.has(token.text.toLowerCase()) ? callMacro : undefined);
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
