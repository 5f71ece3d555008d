import path from "node:path";
import { imageToHtml } from "../../picture/index.ts";
import { CliError } from "../cli-error.ts";
import { command, type Command } from "../command/command.ts";
import { file as fileReader, oneOf, type Reader } from "../command/reader.ts";
import { readValue } from "../command/parse-arguments.ts";
import { guestOperand, guestOptions, jsonOption } from "../guest/guest-options.ts";
import { loadGuest } from "../guest/load-guest.ts";
import { imageSections, sectionHints, sectionNames, type SectionName } from "../output/image-sections.ts";
import { toJson } from "../output/plain.ts";
import { requireWritable, writeOutput } from "../output/write-output.ts";

const section: Reader<SectionName> = oneOf("SECTION", sectionNames, sectionHints);

/** `guestwright inspect` */
export const inspectCommand: Command = command({
  name: "inspect",
  description: `Shows an image, or the sections of it that are named: ${sectionNames.join(", ")}.`,
  operands: [guestOperand, { name: "SECTION", summary: "what to show; everything unless given", times: "any" }],
  options: {
    ...guestOptions,
    source: { summary: "listings say where each statement was written" },
    html: {
      summary: "writes all of it to this file, as a page for a browser; - is standard output",
      value: fileReader,
    },
    json: jsonOption,
  },
  examples: [
    { line: "inspect guest.ts", summary: "shows all of it" },
    { line: "inspect guest.ts memory mappings", summary: "shows what lies where" },
    { line: "inspect guest.ts listing --source", summary: "shows the code with its lines" },
    { line: "inspect guest.ts symbols --json", summary: "hands the labels' addresses to a program" },
    { line: "inspect guest.ts --html guest.html", summary: "draws memory, and links what belongs together" },
  ],
  exits: [],
  async run([file, ...words], { source, html, json, ...options }, terminal) {
    const asked = words.map((word) => readValue(section, "SECTION", word));
    const names = asked.length === 0 ? sectionNames : sectionNames.filter((name) => asked.includes(name));
    if (html !== undefined && (json || asked.length > 0)) {
      throw new CliError("--html writes a page with every section, and nothing else", {
        code: "BAD_VALUE",
        hint: "leave --json and the sections out",
      });
    }
    if (html !== undefined && html !== "-") requireWritable(html, { "the guest": file! });
    if (html === "-") terminal.keepOutput();
    const { image } = await loadGuest(file!, options, terminal);
    if (html !== undefined) {
      const page = imageToHtml(image, { title: path.basename(file!) });
      if (html === "-") terminal.out(page);
      else writeOutput(html, page);
      return "done";
    }
    const { asText, asData } = imageSections(image, { source });
    if (json) {
      terminal.out(`${toJson(Object.fromEntries(names.map((name) => [name, asData[name]()])))}\n`);
      return "done";
    }
    const blocks = names
      .flatMap((name) => asText(name))
      .map(([title, ...lines]) => [terminal.paint("bold", title!), ...lines]);
    terminal.out(blocks.map((lines) => `${lines.join("\n")}\n`).join("\n"));
    return "done";
  },
});
