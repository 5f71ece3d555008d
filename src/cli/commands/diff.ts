import { diffImages, imageChangesToText } from "../../layout/index.ts";
import { CliError } from "../cli-error.ts";
import { command, type Command } from "../command/command.ts";
import { guestOperand, guestOptions } from "../guest/guest-options.ts";
import { loadGuests } from "../guest/load-guest.ts";
import { toJson } from "../output/plain.ts";

/** `guestwright diff` */
export const diffCommand: Command = command({
  name: "diff",
  description: "Says what changed from one image to another: which mapping, which descriptor, which instruction.",
  operands: [
    { ...guestOperand, name: "BEFORE" },
    { ...guestOperand, name: "AFTER" },
  ],
  options: {
    ...guestOptions,
    export: {
      ...guestOptions.export,
      summary: `${guestOptions.export.summary}, in both files, or first in BEFORE and then in AFTER`,
      isList: true,
    },
    json: { summary: "prints one JSON object a line for each change, for programs" },
  },
  examples: [
    { line: "diff old.ts new.ts", summary: "lists the changes" },
    { line: "diff guest.ts guest.ts --export a --export b", summary: "compares two guests of one module" },
    { line: "diff released.json guest.ts", summary: "compares with an image that was kept as JSON" },
  ],
  exits: ["found"],
  async run([before, after], { json, export: exports, ...options }, terminal) {
    const [first, second = first, ...others] = exports;
    if (others.length > 0) {
      const message = `--export is given ${exports.length} times, and there are two files`;
      throw new CliError(message, { code: "BAD_VALUE", value: exports });
    }
    const [old, current] = await loadGuests(
      [
        { file: before!, options: { ...options, export: first } },
        { file: after!, options: { ...options, export: second } },
      ],
      terminal,
    );
    const changes = diffImages(old!.image, current!.image);
    if (changes.length === 0) return "done";
    const lines = json ? changes.map(toJson).join("\n") : imageChangesToText(changes);
    terminal.out(`${lines}\n`);
    return "found";
  },
});
