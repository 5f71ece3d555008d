/** A command as data: help, parsing, suggestions and the documentation derive from it. */
import type { ExitName } from "../exit-codes.ts";
import type { Terminal } from "../output/terminal.ts";
import type { Reader } from "./reader.ts";

/** An option: a flag, or with `value` one that takes a value. */
export interface Option {
  readonly summary: string;
  readonly value?: Reader<unknown>;
  /** Whether it may be given more than once. */
  readonly isList?: boolean;
}

/** The options of a command, by their names without dashes. */
export type Options = Readonly<Record<string, Option>>;

/** An operand: what stands on the command line without dashes. */
export interface Operand {
  /** As help shows it: `FILE`. */
  readonly name: string;
  readonly summary: string;
  /** How many there may be: exactly one unless given. */
  readonly times?: "any";
}

/** What the options of a command line come to. */
export type OptionValues<O extends Options> = {
  readonly [Name in keyof O]: O[Name] extends { readonly value: Reader<infer Value> }
    ? O[Name] extends { readonly isList: true }
      ? readonly Value[]
      : Value | undefined
    : boolean;
};

/** A command line for help, and what it does. */
export interface Example {
  readonly line: string;
  readonly summary: string;
}

/** What a command is made of. */
export interface CommandParts<O extends Options> {
  readonly name: string;
  /** What it does, in a sentence or more. */
  readonly description: string;
  readonly operands: readonly Operand[];
  readonly options: O;
  readonly examples: readonly Example[];
  /** What it ends with, apart from what any command may. */
  readonly exits: readonly ExitName[];
  /**
   * Does it. What it returns becomes the exit code; a number is one.
   *
   * @param operands as many as `operands` asks for
   */
  run(operands: readonly string[], options: OptionValues<O>, terminal: Terminal): Promise<ExitName | number>;
}

/** A command, whatever its options are. */
export type Command = CommandParts<Options>;

/** A command of its parts: in `run`, the options have the types that the table gives them. */
export function command<const O extends Options>(parts: CommandParts<O>): Command {
  return parts;
}
