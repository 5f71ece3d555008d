/** From the words of a command line to an exit code. */
import { GuestwrightError } from "../core/error.ts";
import { nearest } from "../core/nearest.ts";
import { CliError, plainMessage } from "./cli-error.ts";
import { commandHelp, programHelp } from "./command/help.ts";
import { asksForHelp, parseArguments } from "./command/parse-arguments.ts";
import { commands } from "./commands.ts";
import { exitCodes, type ExitName } from "./exit-codes.ts";
import { isOfHost } from "./host-error.ts";
import { strayFailure } from "./guest/module-failure.ts";
import { toJson } from "./output/plain.ts";
import type { Terminal } from "./output/terminal.ts";
import { packageVersion } from "./package-root.ts";

/** Does what the words ask for. Never throws: what goes wrong is said on standard error. */
export async function main(words: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const exit = await dispatch(words, terminal);
    return typeof exit === "number" ? exit : exitCodes[exit].code;
  } catch (error) {
    return tellError(error, words, terminal);
  }
}

async function dispatch([first, ...rest]: readonly string[], terminal: Terminal): Promise<ExitName | number> {
  if (first === "--version" || first === "-v") {
    terminal.out(`${packageVersion()}\n`);
    return "done";
  }
  if (first === undefined || first === "--help" || first === "-h" || first === "help") {
    const [name] = first === "help" ? rest : [];
    if (name !== undefined) return await dispatch([name, "--help"], terminal);
    const help = programHelp(commands, first === undefined ? terminal.paintError : terminal.paint);
    if (first === undefined) terminal.err(help);
    else terminal.out(help);
    return first === undefined ? "usage" : "done";
  }
  const entry = Object.hasOwn(commands, first) ? commands[first] : undefined;
  if (entry === undefined) throw unknownCommand(first);
  const command = await entry.load();
  if (asksForHelp(rest)) {
    terminal.out(commandHelp(command, terminal.paint));
    return "done";
  }
  const { operands, options } = parseArguments(command, rest);
  // A program reads it.
  if (options["json"] === true) terminal.keepOutput();
  return await command.run(operands, options, terminal);
}

function unknownCommand(name: string): CliError {
  const near = nearest(name, Object.keys(commands));
  return new CliError(`there is no ${name.startsWith("-") ? "option" : "command"} ${name}`, {
    code: "UNKNOWN_COMMAND",
    value: name,
    hint: near === undefined ? `guestwright --help lists the commands` : `did you mean ${near}?`,
  });
}

/**
 * Says what was thrown with nobody to catch it: by a timer of a guest's module, or by a promise that nobody waits for. Returns the
 * exit code.
 */
export function tellStray(error: unknown, words: readonly string[], terminal: Terminal): number {
  return tellError(strayFailure(error) ?? error, words, terminal);
}

/** Says what went wrong on standard error. Returns the exit code. */
export function tellError(error: unknown, words: readonly string[], terminal: Terminal): number {
  terminal.err(words.includes("--json") ? errorAsJson(error) : errorAsText(error, terminal));
  return exitCodes[exitOf(error)].code;
}

function exitOf(error: unknown): ExitName {
  if (error instanceof CliError) return error.exit;
  if (!(error instanceof GuestwrightError)) return "bug";
  return isOfHost(error) ? "host" : "input";
}

function errorAsText(error: unknown, { paintError }: Terminal): string {
  const title = paintError("red", "guestwright:");
  if (error instanceof GuestwrightError) return `${title} ${error.message}\n`;
  const stack = error instanceof Error ? error.stack : String(error);
  return `${title} this should not have happened; please report it with what follows\n${stack}\n`;
}

function errorAsJson(error: unknown): string {
  const { code, message, hint } =
    error instanceof GuestwrightError
      ? { code: error.code, message: plainMessage(error), hint: error.hint }
      : { code: "BUG", message: String(error), hint: undefined };
  return `${toJson({ error: { code, message, hint } })}\n`;
}
