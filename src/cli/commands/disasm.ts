import { CliError } from "../cli-error.ts";
import { command, type Command } from "../command/command.ts";
import { address, count, oneOf } from "../command/reader.ts";
import { disassembleImage, linesToText, type CodeRange } from "../guest/disassembly.ts";
import { guestOperand, guestOptions } from "../guest/guest-options.ts";
import { loadGuest } from "../guest/load-guest.ts";
import { toJson } from "../output/plain.ts";

/** `guestwright disasm` */
export const disasmCommand: Command = command({
  name: "disasm",
  description: [
    "Reads the bytes of a guest's programs back as instructions, with its labels. A file without programs, such as raw bytes,",
    "is read from its entry point on; --from and --size choose other bytes, by their physical address.",
  ].join("\n"),
  operands: [guestOperand],
  options: {
    ...guestOptions,
    from: { summary: "the physical address of the first byte", value: address },
    size: { summary: "how many bytes; up to the end of what was loaded there unless given", value: count },
    bits: {
      summary: "the size of the code; that of the entry mode unless given",
      value: oneOf("BITS", ["16", "32", "64"]),
    },
    json: { summary: "prints one JSON object a line for each instruction, for programs" },
  },
  examples: [
    { line: "disasm guest.ts", summary: "all programs" },
    { line: "disasm boot.bin --at 0x7c00 --mode real16", summary: "raw bytes" },
    { line: "disasm guest.ts --from 0x4000 --size 32 --bits 16", summary: "other bytes" },
  ],
  exits: [],
  async run([file], { from, size, bits, json, ...options }, terminal) {
    if (from === undefined && size !== undefined) {
      throw new CliError("--size says how many bytes from --from on", {
        code: "BAD_VALUE",
        value: size,
        hint: "give --from, too",
      });
    }
    const { image } = await loadGuest(file!, options, terminal);
    const range: CodeRange | undefined = from === undefined ? undefined : { from, size };
    const lines = await disassembleImage(image, range, bits === undefined ? undefined : (Number(bits) as 16 | 32 | 64));
    terminal.out(json ? lines.map((line) => `${toJson(line)}\n`).join("") : `${linesToText(lines, terminal.paint)}\n`);
    return "done";
  },
});
