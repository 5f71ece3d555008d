import { command, type Command } from "../command/command.ts";
import { oneOf } from "../command/reader.ts";
import { guestOperand, guestOptions, jsonOption } from "../guest/guest-options.ts";
import { addressIn } from "../guest/guest-address.ts";
import { loadGuest } from "../guest/load-guest.ts";
import { toJson } from "../output/plain.ts";
import { walkToLines } from "../output/walk-lines.ts";
import { imageAddressSpace } from "../../layout/index.ts";
import { walk } from "../../paging/index.ts";

/** `guestwright walk` */
export const walkCommand: Command = command({
  name: "walk",
  description:
    "Walks the page tables to an address as the CPU does, says what it finds at each step, and why an access faults.",
  operands: [
    guestOperand,
    { name: "ADDRESS", summary: "a virtual address such as 0x4000, or a label such as guest.msg" },
  ],
  options: {
    ...guestOptions,
    access: { summary: "what the CPU does there; read unless given", value: oneOf("KIND", ["read", "write", "fetch"]) },
    user: { summary: "does it in user mode (CPL 3)" },
    json: jsonOption,
  },
  examples: [
    { line: "walk guest.ts 0x4000", summary: "a supervisor's read" },
    { line: "walk guest.ts guest.msg --access write --user", summary: "whether user mode may write to a label" },
  ],
  exits: ["found"],
  async run([file, place], { access = "read", user, json, ...options }, terminal) {
    const image = await loadGuest(file!, options, terminal);
    const cpl = user ? 3 : 0;
    const found = walk(imageAddressSpace(image), addressIn(image, place!), { kind: access, cpl });
    terminal.out(json ? `${toJson(found)}\n` : `${walkToLines(found, { access, user }, terminal.paint).join("\n")}\n`);
    return found.fault === undefined ? "done" : "found";
  },
});
