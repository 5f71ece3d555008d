/** Reads assembly text: statement by statement into the nodes that the builder makes, too. */
import { AsmError } from "../asm-error.ts";
import { locate } from "../builder/call-site.ts";
import type { Mode } from "../mode.ts";
import type { Node } from "../builder/node.ts";
import { Cursor } from "./cursor.ts";
import { Flow } from "./flow.ts";
import { findDirective, refuseDirective } from "./directives.ts";
import { assign } from "./directives-symbol.ts";
import { readInstruction } from "./instruction-text.ts";
import { prefixOf } from "./prefixes.ts";
import { ProgramText } from "./program-text.ts";
import { findRegister } from "./register-names.ts";
import type { SourceText } from "./source-text.ts";
import type { Statement, Token } from "./tokenizer.ts";
import { Tokenizer } from "./tokenizer.ts";

/** How text is read. */
export interface ReadOptions {
  /** Whether the text is a whole program, so that its constants are among the program's symbols. */
  readonly isWhole: boolean;
}

/**
 * Reads text into statements.
 *
 * @throws AsmSyntaxError at the first statement that cannot be read.
 */
export function readText(source: SourceText, mode: Mode, { isWhole }: ReadOptions): Node[] {
  const program = new ProgramText(source, mode);
  const tokenizer = new Tokenizer(source);
  const flow = new Flow(program, (statement) => readStatement(program, statement));
  flow.run(tokenizer);
  checkPrefix(program);
  const circle = program.symbols.circular();
  if (circle !== undefined) {
    throw new AsmError(`the value of ${circle.name} depends on itself`, {
      code: "BAD_VALUE",
      value: circle.name,
      source: locate(circle.site),
    });
  }
  if (!isWhole && program.section.name !== ".text") {
    // What the builder adds after the text belongs to the code again.
    program.enter({ name: ".text", isCode: true, isZero: false }, source.siteOf(0, 0));
  }
  program.nodes.push(...program.symbols.nodes(isWhole));
  return program.finish();
}

/** Throws where a prefix that stands alone has nothing to stand before. */
function checkPrefix({ prefix, source }: ProgramText): void {
  if (prefix === undefined) return;
  const end = source.text.trimEnd().length;
  const token: Token = { kind: "name", text: prefix, start: end - 1, end };
  throw new Cursor(source, [token]).error(`the prefix ${prefix} has no instruction`);
}

/** Reads one statement: labels, and what stands after them. */
function readStatement(program: ProgramText, statement: Statement): void {
  const cursor = new Cursor(program.source, statement);
  try {
    while (readLabel(program, cursor));
    if (!cursor.atEnd) readRest(program, cursor);
  } catch (error) {
    throw error instanceof AsmError && error.source === undefined ? withPlace(cursor, error) : error;
  }
}

/** Adds its place to an error of the builder's own parts. */
function withPlace(cursor: Cursor, error: AsmError): AsmError {
  const { code, value, hint } = error;
  const [message] = error.message.split("\n") as [string];
  const source = locate(cursor.site);
  return new AsmError(message, { code, value, source, cause: error, ...(hint === undefined ? {} : { hint }) });
}

/** Reads `name:` or `1:`, if that is what comes. */
function readLabel(program: ProgramText, cursor: Cursor): boolean {
  const token = cursor.peek();
  if (token === undefined || cursor.word(1) !== ":") return false;
  const isNumber = token.kind === "number" && /^\d+$/.test(token.text);
  const isName =
    token.kind === "name" || (token.kind === "hole" && typeof token.value === "string" && token.value !== "");
  if (!isNumber && !isName) return false;
  const name = token.kind === "hole" ? String(token.value) : isNumber ? String(Number(token.text)) : token.text;
  if (token.kind === "name" && findRegister(token.text.toLowerCase()) !== undefined)
    throw cursor.error(`${token.text} is a register, no label`, { token, expected: ["a label of another name"] });
  if (name === "." || name === "$") throw cursor.error(`"${name}" is the current address, no label`, { token });
  const site = program.source.siteOf(token.start, token.end);
  program.add({ kind: "label", name, mode: program.mode, site });
  cursor.skip(2);
  return true;
}

function readRest(program: ProgramText, cursor: Cursor): void {
  const token = cursor.peek()!;
  const word = cursor.word();
  if (token.kind === "name" && cursor.word(1) === "=") return assign(program, cursor);
  if (token.kind === "name" && word.startsWith(".")) {
    const directive = findDirective(word);
    if (directive === undefined) throw refuseDirective(cursor, token);
    cursor.next();
    return directive({ program, cursor, name: word, token });
  }
  if (token.kind !== "name" && token.text !== "{")
    throw cursor.unexpected("an instruction", "a directive", "a label with a colon");
  if (cursor.statement.length === cursor.index + 1 && prefixOf(word) !== undefined) {
    if (program.prefix !== undefined) throw cursor.error("the instruction has two prefixes");
    program.prefix = prefixOf(word);
    return;
  }
  if (program.section.isZero) throw cursor.error(`the section ${program.section.name} holds zeros only`, { token });
  const { prefix, mode, symbols, macros } = program;
  program.prefix = undefined;
  for (const node of readInstruction(cursor, { mode, symbols, prefix, macros })) program.add(node);
}
