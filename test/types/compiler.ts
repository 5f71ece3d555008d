/** Runs the project's compiler and reads what it says: messages where fixtures expect them, and what a program costs. */
import path from "node:path";
import { tsc } from "../project/child.ts";
import { userProject } from "../project/user-project.ts";

/** One message of the compiler, or one that a fixture expects: then `text` is a part of it. */
export interface Message {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly text: string;
}

/**
 * The messages that a fixture expects. `// error: text` stands at the end of the line that the message points to, or on
 * a line of its own above it; several such lines speak of the same line.
 */
export function expectedMessages(file: string, source: string): Message[] {
  const messages: Message[] = [];
  let pending: string[] = [];
  for (const [index, line] of source.split("\n").entries()) {
    const [, code, text] = /^(.*?)\/\/ error: (.*)$/.exec(line) ?? [];
    if (text !== undefined) pending.push(text.trim());
    if (text !== undefined && code!.trim() === "") continue;
    messages.push(...pending.map((text) => ({ file, line: index + 1, text })));
    pending = [];
  }
  return messages;
}

/** What `tsc --pretty false` printed, with the indented lines that explain a message joined to it. */
export function printedMessages(stdout: string): Message[] {
  const messages: { file: string; line: number; text: string }[] = [];
  for (const line of stdout.split("\n")) {
    const [, file, number, text] = /^(.+?)\((\d+),\d+\): error (TS\d+: .*)$/.exec(line) ?? [];
    if (file !== undefined) messages.push({ file: path.posix.basename(file), line: Number(number), text: text! });
    else if (line.startsWith(" ")) messages.at(-1)!.text += `\n${line}`;
    else if (line.trim() !== "") throw new Error(`The compiler said what has no place in a file: ${line}`);
  }
  return messages;
}

/** Where the compiler and the fixtures disagree, as sentences: none where they agree. */
export function disagreements(expected: readonly Message[], printed: readonly Message[]): string[] {
  const says = (part: Message, whole: Message) =>
    part.file === whole.file && part.line === whole.line && whole.text.includes(part.text);
  return [
    ...expected
      .filter((wanted) => !printed.some((got) => says(wanted, got)))
      .map(({ file, line, text }) => `${file}:${line} should say: ${text}`),
    ...printed
      .filter((got) => !expected.some((wanted) => says(wanted, got)))
      .map(({ file, line, text }) => `${file}:${line} should not say: ${text}`),
  ];
}

/** A program that assembles one chain of statements. */
export function chain(count: number, statement: (index: number) => string): string {
  return [
    'import { al, assemble, byte, code64, rcx, rdx, rip } from "guestwright/asm";',
    `void assemble(code64()${Array.from({ length: count }, (_, i) => statement(i)).join("\n")});`,
  ].join("\n");
}

/** Instructions and labels, each fifth statement a label that two others use. */
export function mixed(index: number): string {
  const label = `"l${Math.floor(index / 5)}"`;
  return [
    `.label(${label})`,
    `.jmp(${label})`,
    `.mov(rdx, ${index})`,
    ".mov(byte(rdx, 1), al)",
    `.mov(rcx, rip(${label}))`,
  ][index % 5]!;
}

/**
 * How many types the compiler instantiates for a program that may import the package by its name, and how long it
 * checks it, in seconds. Counts are the same on every machine, times are not: assert the first.
 */
export async function typeCost(source: string): Promise<{ instantiations: number; checkSeconds: number }> {
  const { folder, remove } = userProject({ "program.ts": source });
  try {
    const { stdout, status } = await tsc("-p", folder, "--extendedDiagnostics");
    if (status !== 0) throw new Error(`The program does not compile:\n${stdout}`);
    const read = (label: string) => Number(new RegExp(`^${label}:\\s*([\\d.]+)`, "m").exec(stdout)![1]);
    return { instantiations: read("Instantiations"), checkSeconds: read("Check time") };
  } finally {
    remove();
  }
}
