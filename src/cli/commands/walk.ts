import { command, type Command } from "../command/command.ts";
import { oneOf } from "../command/reader.ts";
import { guestOperand, guestOptions, jsonOption } from "../guest/guest-options.ts";
import { addressIn } from "../guest/guest-address.ts";
import { loadGuest } from "../guest/load-guest.ts";
import { toJson } from "../output/plain.ts";
import { walkToLines } from "../output/walk-lines.ts";
import { imageAddressSpace } from "../../layout/index.ts";
import { walk } from "../../paging/index.ts";

/** Page faults know fetches of instructions; what is fetched is executed (SDM vol. 3A, 4.7). */
const isFetch = "the CPU fetches what it executes: fetch";

const access = oneOf("KIND", ["read", "write", "fetch"], { exec: isFetch, execute: isFetch, x: isFetch });

/** `guestwright walk` */
export const walkCommand: Command = command({
  name: "walk",
  description:
    "Walks the page tables to an address as the CPU does, says what it finds at each step, and why an access faults.",
  operands: [
    guestOperand,
    { name: "ADDRESS", summary: "a virtual address such as 0x4000, or a name, such as guest.msg or stacks.main+0x10" },
  ],
  options: {
    ...guestOptions,
    access: { summary: "what the CPU does there; read unless given", value: access },
    user: { summary: "does it in user mode (CPL 3)" },
    json: jsonOption,
  },
  examples: [
    { line: "walk guest.ts 0x4000", summary: "a supervisor's read" },
    { line: "walk guest.ts guest.msg --access write --user", summary: "whether user mode may write to a label" },
    {
      line: "walk guest.ts paging.map.data+0x10",
      summary: "an address in a mapping; inspect FILE symbols lists the names",
    },
  ],
  exits: ["found"],
  async run([file, place], { access: kind = "read", user, json, ...options }, terminal) {
    const { image } = await loadGuest(file!, options, terminal);
    const cpl = user ? 3 : 0;
    const { address, name, kind: nameKind } = addressIn(image, place!);
    const found = walk(imageAddressSpace(image), address, { kind, cpl });
    const asked =
      nameKind === "physical" && found.mode !== "off" ? `the physical address ${name}, taken as virtual,` : name;
    const lines = json ? [toJson(found)] : walkToLines(found, { name: asked, access: kind, user }, terminal.paint);
    terminal.out(`${lines.join("\n")}\n`);
    return found.fault === undefined ? "done" : "found";
  },
});
