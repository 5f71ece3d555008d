/** The image as text that a person can review: the memory map, the CPU, descriptors, mappings, listings, and the bytes. */
import { listingToText } from "../asm/index.ts";
import { hex } from "../core/hex.ts";
import { hexdump } from "../core/hexdump.ts";
import { sizeToText } from "../core/units.ts";
import { memoryOf, ranges, tablePages, type AddressSpace } from "../paging/index.ts";
import { flagsToText } from "./control-register-text.ts";
import type { GeneralRegisters, SegmentState } from "./cpu-state.ts";
import type { Image, ImageProgram } from "./image.ts";
import { encodeDescriptor, segmentToText } from "./segment.ts";

/** What of an image the text shows. */
export interface ImageTextOptions {
  /** Whether listings say where each statement was written. Leave it out of snapshots: moving code would change them. */
  readonly source?: boolean;
}

/**
 * The image as text: stable, the same for the same image.
 *
 * @example
 * ```ts
 * console.log(imageToText(image, { source: true }));
 * ```
 */
export function imageToText(image: Image, options: ImageTextOptions = {}): string {
  const sections: readonly (readonly [string, string[]])[] = [
    ["memory map (physical)", memoryLines(image)],
    [`cpu at entry (${image.mode})`, cpuLines(image)],
    ["gdt", gdtLines(image)],
    ["mappings", mappingLines(image)],
    ["page tables", tableLines(image)],
    ...image.programs.map((program) => programSection(program, options)),
    ...image.chunks.map(({ name, at, bytes }) => [`data: ${name}`, hexdump(bytes, at).split("\n")] as const),
    ["warnings", image.warnings.map(({ message }) => message)],
  ];
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => [title, ...lines.map((line) => `  ${line}`)].join("\n"))
    .join("\n\n");
}

const address = (value: bigint): string => hex(value, 8);

function extent(at: bigint, size: bigint): string {
  return `${address(at)} - ${address(at + size - 1n)} (${sizeToText(size)})`;
}

/** Memory in address order, what lies in it beneath, and the gaps between. */
function memoryLines({ memory, chunks }: Image): string[] {
  const lines: string[] = [];
  let end = memory[0]?.at ?? 0n;
  for (const region of memory) {
    if (region.at > end) lines.push(`${extent(end, region.at - end)} no memory`);
    lines.push(`${extent(region.at, region.size)} ${region.kind} ${region.name}`);
    end = region.at + region.size;
    for (const { at, bytes, name } of chunks) {
      if (at >= region.at && at < end) lines.push(`  ${extent(at, BigInt(bytes.length))} ${name}`);
    }
  }
  return lines;
}

function cpuLines({ cpu }: Image): string[] {
  const { regs, segments } = cpu;
  const nonZero = Object.entries(regs).filter(([name, value]) => value !== 0n && !["rip", "rflags"].includes(name));
  return [
    `rip ${hex(regs.rip)}`,
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
    gdt.at === undefined ? "not in memory" : `at ${address(gdt.at)}`,
    ...gdt.segments.map(
      ({ name, state }) => `${hex(state.selector, 2)} ${hex(encodeDescriptor(state), 16)} ${name}: ${segmentToText(state)}`,
    ),
  ];
}

/** The guest's address space as its first page walk would see it: read back from the tables, not from the description. */
function addressSpace(image: Image): AddressSpace {
  const { cpu, paging, chunks, memory } = image;
  return { memory: memoryOf(chunks, memory), cpu, mappings: paging?.mappings ?? [] };
}

function mappingLines(image: Image): string[] {
  const unbacked = new Set(image.paging?.mappings.filter(({ backing }) => backing === "none").map(({ name }) => name));
  return ranges(addressSpace(image)).ranges.map(({ name, virt, phys, size, access, user, pages }) => {
    const flags = access === "r" ? "r--" : access === "rw" ? "rw-" : access === "rx" ? "r-x" : "rwx";
    const counts = Object.entries(pages).map(([page, count]) => `${count} x ${page}`);
    const notes = [user ? "user" : "", unbacked.has(name ?? "") ? "no memory" : "", ...counts].filter((each) => each !== "");
    return `${extent(virt, size)} -> ${address(phys)} ${flags} ${name ?? "?"} (${notes.join(", ")})`;
  });
}

function tableLines(image: Image): string[] {
  if (image.paging === undefined) return [];
  return tablePages(addressSpace(image)).map(
    ({ at, table, virt, size }) => `${address(at)} ${table.padEnd(4)} for ${extent(virt, size)}`,
  );
}

function programSection({ name, mode, listing }: ImageProgram, options: ImageTextOptions): readonly [string, string[]] {
  return [`listing: ${name} (${mode}-bit)`, listingToText(listing, options).split("\n")];
}
