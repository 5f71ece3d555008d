/** Descriptor tables, interrupt tables and task states. */
import { hex, hexBytes } from "../../core/hex.ts";
import { descriptorToText, encodeDescriptor, exceptionName, type ImageDescriptor } from "../../layout/index.ts";
import type { ImageVector } from "../../layout/image.ts";
import { tableSections } from "../../layout/image/text/table-lines.ts";
import { physicalNumbers } from "../../layout/image/text/physical-text.ts";
import type { Anchors } from "../page/anchors.ts";
import type { PageContents } from "../page/contents.ts";
import { html, type Content } from "../page/html.ts";
import { code, link, table, type Row, type Section } from "../page/parts.ts";

/** Every table that the guest starts with, decoded. */
export function descriptorsSection({ image, anchors }: PageContents): Section {
  const { gdt, ldts, tasks, idt, mode } = image;
  const columns = ["Selector", "Name", "Descriptor", "Bytes"];
  const taskLines = tableSections(image, physicalNumbers).filter(([title]) => title.startsWith("tss "));
  const parts = [
    gdt && [heading("GDT", gdt.at, anchors), table("GDT", columns, gdt.entries.map(descriptorRow))],
    ldts.map(({ name, at, entries }) => [
      heading(`LDT ${name}`, at, anchors),
      table(`LDT ${name}`, columns, entries.map(descriptorRow)),
    ]),
    tasks.map(({ name, at }, i) => [
      heading(`TSS ${name}`, at, anchors),
      html`<pre class="scroll" tabindex="0">${taskLines[i]![1].slice(1).join("\n")}</pre>`,
    ]),
    idt && [
      heading(mode === "real16" ? "Interrupt vectors" : "IDT", idt.at, anchors),
      table(
        "Vectors",
        ["Vector", "", "Handler", "Leads to"],
        idt.vectors.map((each) => vectorRow(each, anchors)),
      ),
    ],
  ].filter((part) => part !== undefined && part.length > 0);
  return { id: "descriptors", title: "Descriptor tables", body: parts.length === 0 ? undefined : parts };
}

function heading(name: string, at: bigint | undefined, anchors: Anchors): Content {
  const place = at === undefined ? "not in memory" : html`at physical ${link(anchors.bytesAt(at), code(hex(at, 8)))}`;
  return html`<h3>${name} <small class="faint">${place}</small></h3>`;
}

function descriptorRow({ name, selector, descriptor }: ImageDescriptor): Row {
  const bytes = Array.from(encodeDescriptor(descriptor)).toReversed();
  return {
    cells: [code(hex(selector, 2)), name, code(descriptorToText(descriptor)), code(`0x${hexBytes(bytes, "")}`)],
  };
}

function vectorRow(entry: ImageVector, anchors: Anchors): Row {
  const { vector, handler } = entry;
  const leadsTo =
    "far" in entry
      ? code(`${hex(entry.far.segment, 4)}:${hex(entry.far.offset, 4)}`)
      : link(
          "offset" in entry.gate ? anchors.codeAt(BigInt(entry.gate.offset ?? 0)) : undefined,
          code(descriptorToText(entry.gate)),
        );
  return { cells: [code(hex(vector, 2)), exceptionName(vector), link(anchors.name(handler), handler), leadsTo] };
}
