import path from "node:path";
import { sizeToText } from "../../core/units.ts";
import { imageFormats, imageToFile, type ExportTarget, type Image, type ImageFormatName } from "../../layout/index.ts";
import { CliError } from "../cli-error.ts";
import { command, type Command } from "../command/command.ts";
import { file } from "../command/reader.ts";
import { formatReader, targetReader } from "../guest/export-readers.ts";
import { exportFindings, findingToText, startersOf } from "../guest/findings.ts";
import { guestOperand, guestOptions, jsonOption } from "../guest/guest-options.ts";
import { loadGuest } from "../guest/load-guest.ts";
import { namingFile } from "../guest/naming-file.ts";
import { toJson } from "../output/plain.ts";
import { requireWritable, writeOutput } from "../output/write-output.ts";

/** `guestwright export` */
export const exportCommand: Command = command({
  name: "export",
  description: [
    "Writes an image as a file for other machines, and says on standard error what speaks against it.",
    "Where --target refuses the file, nothing is written.",
    "",
    "Formats:",
    ...Object.entries(imageFormats).map(([name, { summary }]) => `  ${name.padEnd(11)}  ${summary}`),
  ].join("\n"),
  operands: [guestOperand],
  options: {
    ...guestOptions,
    format: { summary: "the file's format, see above; pvh unless given", value: formatReader },
    output: {
      summary: "the file to write; the guest's name with the format's ending unless given; - is standard output",
      value: file,
    },
    target: { summary: "who is to start the file; all unless given", value: targetReader },
    json: jsonOption,
  },
  examples: [
    { line: "export guest.ts --target qemu", summary: "writes guest.elf for qemu-system-x86_64 -kernel" },
    { line: "export boot.ts --format boot-sector --output boot.img", summary: "writes a disk's first sector" },
    { line: "export guest.ts --format raw --output - | xxd", summary: "hands the bytes to a program" },
  ],
  exits: ["found"],
  async run([guest], { format = "pvh", output, target, json, ...options }, terminal) {
    if (json && output === "-") {
      throw new CliError("--json and --output - both want standard output", {
        code: "BAD_VALUE",
        hint: "name a file with --output",
      });
    }
    if (output === "-") terminal.keepOutput();
    if (output !== undefined && output !== "-") requireWritable(output, { "the guest": guest! });
    const { image } = await loadGuest(guest!, options, terminal);
    const findings = exportFindings(image, format, target);
    const isRefused = target !== undefined && findings.some(({ severity }) => severity === "error");
    if (json && isRefused) terminal.out(`${toJson({ findings })}\n`);
    if (!json) {
      // Without a target, `imageToFile` throws what is impossible.
      const told = findings.filter(({ severity }) => isRefused || severity === "warning");
      for (const finding of told) terminal.err(findingToText(finding, terminal.paintError));
    }
    if (isRefused) return "found";
    const { bytes, extension, ...written } = await namingFile(guest!, async () => await imageToFile(image, format));
    const name = output ?? `${path.basename(guest!, path.extname(guest!))}.${extension}`;
    if (name === "-") {
      terminal.out(bytes);
      return "done";
    }
    requireWritable(name, { "the guest": guest! });
    writeOutput(name, bytes);
    terminal.out(
      json
        ? `${toJson({ file: name, size: bytes.length, ...written, findings })}\n`
        : `${name}: ${bytes.length} bytes, for a machine with ${sizeToText(written.memorySize)} or more\n${startLines(image, format, name, target)}`,
    );
    return "done";
  },
});

/** How each machine that would start the image is given the file. */
function startLines(image: Image, format: ImageFormatName, file: string, only: ExportTarget | undefined): string {
  const starters = startersOf(image, format).filter(({ target }) => only === undefined || target === only);
  const lines = starters.map(({ target, start }) => {
    const how = start.includes("…") ? start.replace("file=…", `file=${file}`) : `${start} ${file}`;
    return `  ${target}: ${how}\n`;
  });
  return lines.join("");
}
