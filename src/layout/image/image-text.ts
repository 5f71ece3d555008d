/**
 * The image as text that a person can review: the memory map, the CPU, descriptors, mappings, page tables entry by entry,
 * listings, and the bytes that none of these show.
 */
import { listingToText } from "../../asm/index.ts";
import type { PhysAddr } from "../../core/address.ts";
import { hex, hexBytes } from "../../core/hex.ts";
import { hexdump } from "../../core/hexdump.ts";
import { show } from "../../core/show.ts";
import { sizeToText } from "../../core/units.ts";
import { ranges, tablesToText } from "../../paging/index.ts";
import { flagsToText } from "../entry/control-register-text.ts";
import type { GeneralRegisters, SegmentState } from "../cpu-state.ts";
import { descriptorToText, encodeDescriptor } from "../descriptors/index.ts";
import { segmentToText } from "../descriptors/segment.ts";
import type { Chunk, Image, ImageDescriptor, ImageProgram } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { imageAddressSpace } from "./address-space.ts";
import { isTold } from "./told-chunks.ts";

/** What of an image the text shows. */
export interface ImageTextOptions {
  /** Whether listings say where each statement was written. Leave it out of snapshots: moving code would change them. */
  readonly source?: boolean;
}

/** A title and lines. */
type Section = readonly [string, readonly string[]];

/**
 * The image as text: stable, the same for the same image.
 *
 * @throws LayoutError `BAD_DESCRIPTION` for what is no image
 * @example
 * ```ts
 * console.log(imageToText(image, { source: true }));
 * ```
 */
export function imageToText(image: Image, options: ImageTextOptions = {}): string {
  checkImage(image);
  const sections: readonly Section[] = [
    ["memory map (physical)", memoryLines(image)],
    [`cpu at entry (${image.mode})`, cpuLines(image)],
    ["gdt", gdtLines(image)],
    ["mappings", mappingLines(image)],
    ["page tables", tableLines(image)],
    ...image.programs.map((program) => programSection(program, options)),
    ...image.chunks.filter((chunk) => !isShown(image, chunk)).map(dataSection),
    ["warnings", image.warnings.map(({ message }) => message)],
  ];
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => [title, ...lines.map((line) => `  ${line}`)].join("\n"))
    .join("\n\n");
}

/** Throws unless authors without types passed an image. */
function checkImage(image: unknown): void {
  const isObject = typeof image === "object" && image !== null;
  if (isObject && ["memory", "chunks", "cpu", "programs", "warnings"].every((key) => key in image)) return;
  const isOnItsWay = isObject && ("then" in image || "build" in image);
  throw new LayoutError(`imageToText takes an image, from layout(...).build(), got ${show(image)}`, {
    code: "BAD_DESCRIPTION",
    value: image,
    ...(isOnItsWay ? { hint: "await layout(...).build()" } : {}),
  });
}

const address = (value: bigint): string => hex(value, 8);

function extent(at: bigint, size: bigint): string {
  return `${address(at)} - ${address(at + size - 1n)} (${sizeToText(size)})`;
}

/** Memory in address order, what lies in it beneath, and the gaps between, with what is mapped to them. */
function memoryLines({ memory, chunks, paging }: Image): string[] {
  const unbacked = (paging?.mappings ?? []).filter(({ backing }) => backing === "none");
  const ranges = [
    ...memory.map(({ at, size, kind, name }) => ({ at, size, text: kind === name ? kind : `${kind} ${name}` })),
    ...unbacked.map(({ phys, size, name }) => ({ at: phys, size, text: `no memory, mapped as ${name}` })),
  ];
  const lines: string[] = [];
  let end: PhysAddr = 0n;
  for (const { at, size, text } of ranges.toSorted((a, b) => (a.at < b.at ? -1 : 1))) {
    if (at > end) lines.push(`${extent(end, at - end)} no memory`);
    lines.push(`${extent(at, size)} ${text}`);
    for (const chunk of chunks) {
      if (chunk.at >= at && chunk.at < at + size)
        lines.push(`  ${extent(chunk.at, BigInt(chunk.bytes.length))} ${chunk.name}`);
    }
    if (at + size > end) end = at + size;
  }
  return lines;
}

function cpuLines({ cpu, programs }: Image): string[] {
  const { regs, segments } = cpu;
  const nonZero = Object.entries(regs).filter(([name, value]) => value !== 0n && !["rip", "rflags"].includes(name));
  return [
    `rip ${hex(regs.rip)} ${programs.find(({ origin }) => origin === regs.rip)?.name ?? ""}`.trimEnd(),
    `rflags ${flagsToText("rflags", regs.rflags)}`,
    ...(nonZero as [keyof GeneralRegisters, bigint][]).map(([name, value]) => `${name} ${hex(value)}`),
    `cr0 ${flagsToText("cr0", cpu.cr0)}`,
    `cr3 ${hex(cpu.cr3)}`,
    `cr4 ${flagsToText("cr4", cpu.cr4)}`,
    `efer ${flagsToText("efer", cpu.efer)}`,
    ...Object.entries(segments).map(([name, state]) => `${name.padEnd(3)} ${segmentLine(state)}`),
    `gdtr base ${hex(cpu.gdt.base)} limit ${hex(cpu.gdt.limit)}`,
    `idtr base ${hex(cpu.idt.base)} limit ${hex(cpu.idt.limit)}`,
  ];
}

function segmentLine(state: SegmentState): string {
  const where = state.unusable === 1 ? "" : ` base ${hex(state.base)} limit ${hex(state.limit)}`;
  return `${hex(state.selector, 4)}${where} ${segmentToText(state)}`;
}

function gdtLines({ gdt }: Image): string[] {
  if (gdt === undefined) return [];
  return [
    gdt.at === undefined ? "not in memory" : `at physical ${address(gdt.at)}`,
    ...gdt.entries.map(descriptorLine),
  ];
}

function descriptorLine({ name, selector, descriptor }: ImageDescriptor): string {
  const bytes = Array.from(encodeDescriptor(descriptor)).toReversed();
  return `${hex(selector, 2)} 0x${hexBytes(bytes, "")} ${name}: ${descriptorToText(descriptor)}`;
}

function mappingLines(image: Image): string[] {
  const unbacked = new Set(image.paging?.mappings.filter(({ backing }) => backing === "none").map(({ name }) => name));
  return ranges(imageAddressSpace(image)).ranges.map(({ name, virt, phys, size, access, user, pages }) => {
    const flags = access === "r" ? "r--" : access === "rw" ? "rw-" : access === "rx" ? "r-x" : "rwx";
    const counts = Object.entries(pages).map(([page, count]) => `${count} x ${page}`);
    const notes = [user ? "user" : "", unbacked.has(name ?? "") ? "no memory" : "", ...counts].filter(
      (each) => each !== "",
    );
    return `${extent(virt, size)} -> ${address(phys)} ${flags} ${name ?? "?"} (${notes.join(", ")})`;
  });
}

/** The tables entry by entry, as a page walk would read them. */
function tableLines(image: Image): string[] {
  return image.paging === undefined ? [] : tablesToText(imageAddressSpace(image)).trimEnd().split("\n");
}

function programSection({ name, mode, phys, sections, listing }: ImageProgram, options: ImageTextOptions): Section {
  const apart = sections.map((each) => `, ${each.name} at ${address(each.phys)}`).join("");
  return [
    `listing: ${name} (${mode}-bit, at physical ${address(phys)}${apart})`,
    listingToText(listing, options).split("\n"),
  ];
}

/** Whether another section shows these bytes already: page tables entry by entry, other tables, a listing. */
function isShown(image: Image, chunk: Chunk): boolean {
  if (image.paging !== undefined && chunk.name === "page tables") return true;
  return isTold(image, chunk);
}

function dataSection({ name, at, bytes }: Chunk): Section {
  return [`data: ${name}`, hexdump(bytes, at).split("\n")];
}
