/** What a user of the command line can get wrong. */
import { GuestwrightError, type ErrorDetails } from "../core/error.ts";
import type { ExitName } from "./exit-codes.ts";

/** What is wrong with a command line, or with what it names. */
export type CliErrorCode =
  | "UNKNOWN_COMMAND"
  | "UNKNOWN_OPTION"
  /** Too few operands, or too many. */
  | "BAD_OPERANDS"
  | "BAD_VALUE"
  /** An option is for other kinds of files than those that are given. */
  | "OPTION_NOT_FOR_FILE"
  /** A file cannot be read. */
  | "NO_FILE"
  /** A file's bytes are no guest. */
  | "BAD_FILE"
  /** A file cannot be written. */
  | "NOT_WRITTEN"
  /** The author's module throws, or its guest cannot be built. */
  | "MODULE_FAILED"
  /** The file holds no guest, or several. */
  | "NO_GUEST"
  /** What the module exports as devices are none. */
  | "NO_DEVICES"
  /** The image has nothing of what is asked for. */
  | "NOT_POSSIBLE";

/** What the program ends with at each mistake. */
const mistakes: Readonly<Record<CliErrorCode, ExitName>> = {
  UNKNOWN_COMMAND: "usage",
  UNKNOWN_OPTION: "usage",
  BAD_OPERANDS: "usage",
  BAD_VALUE: "usage",
  OPTION_NOT_FOR_FILE: "usage",
  NO_FILE: "input",
  BAD_FILE: "input",
  NOT_WRITTEN: "input",
  MODULE_FAILED: "input",
  NO_GUEST: "input",
  NO_DEVICES: "input",
  NOT_POSSIBLE: "input",
};

/** What an error says without its hint. */
export function plainMessage({ message }: GuestwrightError): string {
  return message.split("\n  hint: ")[0]!;
}

/** A mistake of the user of the command line. */
export class CliError extends GuestwrightError<CliErrorCode> {
  /** What the program ends with. */
  readonly exit: ExitName;

  constructor(message: string, details: ErrorDetails<CliErrorCode>) {
    super(message, details);
    this.exit = mistakes[details.code];
  }
}
