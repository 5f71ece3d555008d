/** Help, derived from the tables of commands and exit codes. */
import { exitCodes, type ExitName } from "../exit-codes.ts";
import { columns } from "../output/columns.ts";
import type { Paint } from "../output/terminal.ts";
import type { Command } from "./command.ts";
import { helpOption } from "./parse-arguments.ts";

/** What any command may end with. */
const commonExits: readonly ExitName[] = ["done", "usage", "input", "bug"];

const indented = (lines: readonly string[]): string => lines.map((line) => `  ${line}`).join("\n");

function exitLines(names: readonly ExitName[]): string[] {
  const sorted = names.map((name) => exitCodes[name]).toSorted((a, b) => a.code - b.code);
  return columns(sorted.map(({ code, meaning }) => [String(code), meaning]));
}

/** The help of one command. Ends with a newline. */
export function commandHelp({ name, description, operands, options, examples, exits }: Command, paint: Paint): string {
  const usage = operands.map((each) => (each.times === "any" ? `[${each.name}...]` : each.name)).join(" ");
  const optionRows = Object.entries({ ...options, help: helpOption }).map(([name, { value, summary, isList }]) => [
    value === undefined ? `--${name}` : `--${name} ${value.name}`,
    isList === true ? `${summary}; may be given more than once` : summary,
  ]);
  const sections: readonly (readonly [title: string, lines: readonly string[]])[] = [
    ["Operands", columns(operands.map(({ name, summary }) => [name, summary]))],
    ["Options", columns(optionRows)],
    ["Examples", columns(examples.map(({ line, summary }) => [`guestwright ${line}`, summary]))],
    ["Exit codes", exitLines([...commonExits, ...exits])],
  ];
  return [
    `${paint("bold", "Usage:")} guestwright ${name}${usage === "" ? "" : ` ${usage}`} [options]\n\n${description}\n`,
    ...sections
      .filter(([, lines]) => lines.length > 0)
      .map(([title, lines]) => `${paint("bold", `${title}:`)}\n${indented(lines)}\n`),
  ].join("\n");
}

/** The help of the program. Ends with a newline. */
export function programHelp(commands: Readonly<Record<string, { readonly summary: string }>>, paint: Paint): string {
  return [
    `${paint("bold", "Usage:")} guestwright COMMAND [options]\n\nRuns, shows and checks bare-metal x86 guests.\n`,
    `${paint("bold", "Commands:")}\n${indented(columns(Object.entries(commands).map(([name, { summary }]) => [name, summary])))}\n`,
    `${paint("bold", "Options:")}\n${indented(
      columns([
        ["--help", "shows this help"],
        ["--version", "shows the version"],
      ]),
    )}\n`,
    `${paint("bold", "Exit codes:")}\n${indented(exitLines(Object.keys(exitCodes) as ExitName[]))}\n`,
    "guestwright COMMAND --help shows a command's operands, options and examples.\n",
  ].join("\n");
}
