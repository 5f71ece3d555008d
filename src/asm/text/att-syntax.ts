/** What AT&T's syntax has at operands, and how GNU's Intel syntax writes the same. */
import type { Cursor } from "./cursor.ts";
import { findRegister } from "./register-names.ts";
import type { Token } from "./tokenizer.ts";

/** AT&T's memory, without white space: `%fs:8(%rax,%rcx,4)`. */
const memoryText = /^(?:%(\w+):)?([^()]*)\((?:%(\w+))?(?:,%(\w+)(?:,([1248]))?)?\)/;

const destinationFirst = "and the destination before the source";

/** Throws where an operand begins as one does in AT&T's syntax alone: `$5`, `*%rax`, `(%rax)`. */
export function refuseAtBeginning(cursor: Cursor): void {
  const token = cursor.peek()!;
  const number = token.kind === "name" ? /^\$(\d\w*)$/.exec(token.text)?.[1] : undefined;
  if (number !== undefined)
    throw cursor.error(`"${token.text}" is AT&T's syntax`, { token, hint: `write ${number}, ${destinationFirst}` });
  if (token.text === "*") {
    const memory = memoryAt(cursor, 1);
    const target = memory ?? (cursor.word(1) === "%" ? cursor.word(2) : undefined);
    throw cursor.error('"*" before a target is AT&T\'s syntax', {
      token,
      hint: target === undefined ? "write the target without it" : `write ${target}`,
    });
  }
  if (token.text === "(") refuseMemory(cursor, 0, token);
}

/** Throws where AT&T's memory goes on behind what was read since `first`: `8(%rsp)`. */
export function refuseMemoryBehind(cursor: Cursor, first: Token): void {
  const isMemory = cursor.word() === "(" || (cursor.word() === ":" && first.text === "%");
  if (isMemory) refuseMemory(cursor, cursor.statement.indexOf(first) - cursor.index, first);
}

function refuseMemory(cursor: Cursor, ahead: number, token: Token): void {
  const memory = memoryAt(cursor, ahead);
  if (memory === undefined) return;
  throw cursor.error("this is AT&T's syntax for memory", { token, hint: `write ${memory}, ${destinationFirst}` });
}

/** The memory that begins at a token, as Intel's syntax has it; `undefined` where none does. */
function memoryAt(cursor: Cursor, ahead: number): string | undefined {
  const text = cursor.statement
    .slice(cursor.index + ahead)
    .map((token) => token.text)
    .join("");
  const [, segment, displacement = "", base, index, scale] = memoryText.exec(text) ?? [];
  const registers = [segment, base, index].filter((each) => each !== undefined);
  if (registers.length === 0 || registers.some((each) => findRegister(each.toLowerCase()) === undefined))
    return undefined;
  const terms = [
    base,
    scale === undefined ? index : `${index}*${scale}`,
    displacement === "" ? undefined : displacement,
  ];
  const address = terms
    .filter((each) => each !== undefined)
    .join("+")
    .replaceAll("+-", "-");
  return `${segment === undefined ? "" : `${segment}:`}[${address}]`;
}
