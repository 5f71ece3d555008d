/** Reads a command line by a command's table. */
import { parseArgs } from "node:util";
import { nearest } from "../../core/nearest.ts";
import { CliError } from "../cli-error.ts";
import type { Command, Option, OptionValues, Options } from "./command.ts";
import type { Reader } from "./reader.ts";

/** What a command line comes to. */
export interface Arguments {
  readonly operands: readonly string[];
  readonly options: OptionValues<Options>;
}

/** The option that every command has. */
export const helpOption: Option = { summary: "shows this help" };

/** Whether the words ask for help instead. */
export function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  return words.slice(0, end < 0 ? words.length : end).some((word) => word === "--help" || word === "-h");
}

/** Reads the words after a command's name. Throws {@link CliError}: `UNKNOWN_OPTION`, `BAD_VALUE`, `BAD_OPERANDS`. */
export function parseArguments(command: Command, words: readonly string[]): Arguments {
  const { tokens } = parseArgs({
    args: [...words],
    options: Object.fromEntries(
      Object.entries(command.options).map(([name, { value }]) => [
        name,
        { type: value === undefined ? ("boolean" as const) : ("string" as const) },
      ]),
    ),
    // Node's own messages differ between its versions: the tokens are judged here.
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given = new Map<string, unknown[]>();
  const operands: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") operands.push(token.value);
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(command.options, token.name) ? command.options[token.name]! : undefined;
    if (option === undefined || !token.rawName.startsWith("--")) throw unknownOption(command, token.rawName);
    const before = given.get(token.name);
    if (before !== undefined && option.isList !== true) throw badValue(`${token.rawName} is given twice`, token.name);
    const value = optionValue(option, token.rawName, token.value, token.inlineValue === true);
    given.set(token.name, [...(before ?? []), value]);
  }
  requireOperands(command, operands);
  const values = Object.entries(command.options).map(([name, { value, isList }]) => {
    const found = given.get(name) ?? [];
    if (value === undefined) return [name, found.length > 0];
    return [name, isList === true ? found : found[0]];
  });
  return { operands, options: Object.fromEntries(values) as OptionValues<Options> };
}

function optionValue({ value }: Option, name: string, word: string | undefined, isInline: boolean): unknown {
  if (value === undefined) {
    if (word !== undefined) throw badValue(`${name} takes no value, got ${JSON.stringify(word)}`, word);
    return true;
  }
  if (word === undefined) throw badValue(`${name} needs a value: ${value.expected}`, word);
  if (!isInline && word.length > 1 && word.startsWith("-")) {
    throw badValue(`${name} needs a value: ${value.expected}`, word, `for the value ${word}, write ${name}=${word}`);
  }
  return readValue(value, name, word);
}

/** Reads one word. Throws {@link CliError} `BAD_VALUE`. @param what the option or the operand that it is the value of */
export function readValue<Value>(reader: Reader<Value>, what: string, word: string): Value {
  const read = reader.read(word);
  if (read !== undefined) return read;
  const { names = [], hints = {} } = reader;
  const near = nearest(word, names);
  const hint = Object.hasOwn(hints, word) ? hints[word] : near && `did you mean ${near}?`;
  throw badValue(`${what} must be ${reader.expected}; got ${JSON.stringify(word)}`, word, hint);
}

function badValue(message: string, value: unknown, hint?: string): CliError {
  return new CliError(message, { code: "BAD_VALUE", value, ...(hint === undefined ? {} : { hint }) });
}

function unknownOption({ name, options }: Command, rawName: string): CliError {
  const names = ["help", ...Object.keys(options)].map((each) => `--${each}`);
  const near = nearest(rawName, names);
  return new CliError(`guestwright ${name} has no option ${rawName}`, {
    code: "UNKNOWN_OPTION",
    value: rawName,
    hint: near === undefined ? `guestwright ${name} --help lists the options` : `did you mean ${near}?`,
  });
}

function requireOperands({ name, operands }: Command, given: readonly string[]): void {
  const fixed = operands.filter(({ times }) => times === undefined);
  const missing = fixed[given.length];
  const message =
    missing === undefined
      ? fixed.length === operands.length && given.length > fixed.length
        ? `guestwright ${name} does not know what to do with ${JSON.stringify(given[fixed.length])}`
        : undefined
      : `guestwright ${name} needs ${missing.name}: ${missing.summary}`;
  if (message === undefined) return;
  throw new CliError(message, {
    code: "BAD_OPERANDS",
    value: given,
    hint: `guestwright ${name} --help shows how it is used`,
  });
}
