import { command, type Command } from "../command/command.ts";
import { guestOperand, guestOptions } from "../guest/guest-options.ts";
import { loadGuest } from "../guest/load-guest.ts";
import { exportFindings, findingsOf, findingToText } from "../guest/findings.ts";
import { formatReader, targetReader } from "../guest/export-readers.ts";
import { toJson } from "../output/plain.ts";

/** `guestwright check` */
export const checkCommand: Command = command({
  name: "check",
  description: [
    "Lists what is wrong or suspicious about an image: warnings of the layout, lints of the page tables, and rules of the",
    "entry state that a CPU would refuse; with --format or --target also what speaks against starting it from a file.",
  ].join("\n"),
  operands: [guestOperand],
  options: {
    ...guestOptions,
    format: { summary: "the file's format; pvh where only --target is given", value: formatReader },
    target: { summary: "who is to start the file; all unless given", value: targetReader },
    "deny-warnings": { summary: "warnings decide about the exit code, too" },
    json: { summary: "prints one JSON object a line for each finding, for programs" },
  },
  examples: [
    { line: "check guest.ts", summary: "lists the findings" },
    { line: "check guest.ts --target firecracker", summary: "asks whether Firecracker could start it" },
    { line: "check guest.ts --deny-warnings", summary: "fails where there is any, for CI" },
  ],
  exits: ["found"],
  async run([file], { json, format, target, "deny-warnings": denyWarnings, ...options }, terminal) {
    const { image } = await loadGuest(file!, options, terminal);
    const isForFile = format !== undefined || target !== undefined;
    const findings = [...findingsOf(image), ...(isForFile ? exportFindings(image, format ?? "pvh", target) : [])];
    for (const finding of findings)
      terminal.out(json ? `${toJson(finding)}\n` : findingToText(finding, terminal.paint));
    if (!json && findings.length === 0) terminal.out("nothing found\n");
    return findings.some(({ severity }) => denyWarnings || severity === "error") ? "found" : "done";
  },
});
