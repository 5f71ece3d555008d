import { diffImages, imageChangesToText } from "../../layout/index.ts";
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
  options: { ...guestOptions, json: { summary: "prints one JSON object a line for each change, for programs" } },
  examples: [
    { line: "diff old.ts new.ts", summary: "lists the changes" },
    { line: "diff released.json guest.ts", summary: "compares with an image that was kept as JSON" },
  ],
  exits: ["found"],
  async run(files, { json, ...options }, terminal) {
    const [before, after] = await loadGuests(files, options, terminal);
    const changes = diffImages(before!.image, after!.image);
    if (changes.length === 0) return "done";
    const lines = json ? changes.map(toJson).join("\n") : imageChangesToText(changes);
    terminal.out(`${lines}\n`);
    return "found";
  },
});
