import { command, type Command } from "../command/command.ts";
import { text } from "../command/reader.ts";
import { examine } from "../doctor/examine.ts";
import { toJson } from "../output/plain.ts";
import { columns } from "../output/columns.ts";

/** What `KVM_CHECK_EXTENSION` answers, in a word: numbers above 1 have meanings of their own. */
function asAnswer(value: number): string {
  return ["no", "yes"][value] ?? String(value);
}

/** `guestwright doctor` */
export const doctorCommand: Command = command({
  name: "doctor",
  description:
    "Says whether guests can run on this host: which KVM is here, what it can do, and what to do where it is missing.",
  operands: [],
  options: {
    device: { summary: "KVM's device; /dev/kvm unless given", value: text("PATH", "the path of a device") },
    json: { summary: "prints one JSON object, for programs" },
  },
  examples: [
    { line: "doctor", summary: "looks over this host" },
    { line: "doctor --json | jq .kvm.kind", summary: "asks for one fact" },
  ],
  exits: ["host"],
  async run(_, { device, json }, terminal) {
    const report = await examine(device);
    const exit = report.kvm === undefined ? "host" : "done";
    if (json) {
      terminal.out(`${toJson(report)}\n`);
      return exit;
    }
    const { host, kvm, problem, tools } = report;
    const sections: readonly (readonly [string, readonly (readonly string[])[]])[] = [
      ["host", Object.entries(host)],
      ["capabilities", kvm?.capabilities.map(({ name, value, meaning }) => [asAnswer(value), meaning, name]) ?? []],
      ["debugging", kvm?.debugging.map(({ feature, works }) => [works ? "yes" : "no", feature]) ?? []],
      [
        "programs that boot exported guests",
        tools.map(({ name, path }) => [path === undefined ? "no" : "yes", name, path ?? ""]),
      ],
    ];
    for (const [title, rows] of sections) {
      if (rows.length === 0) continue;
      terminal.out(
        `${terminal.paint("bold", title)}\n${columns(rows)
          .map((line) => `  ${line}\n`)
          .join("")}\n`,
      );
    }
    const verdict =
      problem === undefined ? terminal.paint("green", "guests can run here") : terminal.paint("red", problem.message);
    terminal.out(`${verdict}\n`);
    return exit;
  },
});
