/** Descriptor tables, interrupt tables and task states in the text form of an image. */
import type { PhysAddr } from "../../../core/address.ts";
import { hex, hexBytes } from "../../../core/hex.ts";
import { descriptorToText, encodeDescriptor, exceptionName, type PortRange } from "../../descriptors/index.ts";
import type { Image, ImageDescriptor, ImageTss, ImageVector } from "../../image.ts";
import { endName } from "./cpu-lines.ts";
import type { PhysicalText } from "./physical-text.ts";

/** A title and lines. */
export type Section = readonly [title: string, lines: readonly string[]];

/** The GDT, the LDTs, the TSSs and the IDT. */
export function tableSections(image: Image, physical: PhysicalText): readonly Section[] {
  const place = (at: PhysAddr | undefined): string => (at === undefined ? "not in memory" : physical.place(at));
  const { gdt, ldts, tasks, idt } = image;
  return [
    ["gdt", gdt === undefined ? [] : [place(gdt.at), ...gdt.entries.map(descriptorLine)]],
    ...ldts.map(({ name, at, entries }): Section => [`ldt ${name}`, [place(at), ...entries.map(descriptorLine)]]),
    ...tasks.map((task): Section => [`tss ${task.name}`, [place(task.at), ...taskLines(image, task)]]),
    [
      image.mode === "real16" ? "interrupt vectors" : "idt",
      idt === undefined ? [] : [place(idt.at), ...idt.vectors.map(vectorLine)],
    ],
  ];
}

function descriptorLine({ name, selector, descriptor }: ImageDescriptor): string {
  const bytes = Array.from(encodeDescriptor(descriptor)).toReversed();
  return `${hex(selector, 2)} 0x${hexBytes(bytes, "")} ${name}: ${descriptorToText(descriptor)}`;
}

/** What a task state holds that is not 0; of stack pointers, which stack it is. */
function taskLines(image: Image, { state }: ImageTss): string[] {
  const { bits, ports, ...registers } = { ports: undefined, ...state };
  const values = Object.entries<bigint | number | boolean>(registers).filter(([, value]) => BigInt(value) !== 0n);
  return [
    `tss${bits}`,
    ...values.map(([name, value]) => {
      if (typeof value === "boolean") return name;
      const end = /^(?:r|e)?sp|^ist/.test(name) ? endName(image, BigInt(value)) : "";
      return `${name} ${hex(value)} ${end}`.trimEnd();
    }),
    ...(ports === undefined ? [] : [`ports ${ports.map(portsToText).join(", ")}`]),
  ];
}

function portsToText({ first, last }: PortRange): string {
  return first === last ? hex(first) : `${hex(first)}..${hex(last)}`;
}

/** A vector, its exception, its handler, and the gate or far pointer that leads there. */
function vectorLine(entry: ImageVector): string {
  const { vector, handler } = entry;
  const name = [hex(vector, 2), exceptionName(vector), `${handler}:`].filter((each) => each !== undefined).join(" ");
  return "far" in entry
    ? `${name} ${hex(entry.far.segment, 4)}:${hex(entry.far.offset, 4)}`
    : `${name} ${descriptorToText(entry.gate)}`;
}
