/** The CPU at entry in the text form of an image. */
import { codeAtAddress, codePlaceToText } from "../../../core/code-place.ts";
import { hex } from "../../../core/hex.ts";
import type { GeneralRegisters, SegmentState } from "../../cpu-state.ts";
import { segmentToText } from "../../descriptors/segment.ts";
import { flagsToText } from "../../entry/control-register-text.ts";
import type { Image } from "../../image.ts";
import type { PhysicalText } from "./physical-text.ts";

/** Every register that is not 0, with what the description calls its value. */
export function cpuLines(image: Image, physical: PhysicalText): string[] {
  const { regs, segments, ...cpu } = image.cpu;
  const { rip, rflags, ...general } = regs;
  const nonZero = (Object.entries(general) as [keyof GeneralRegisters, bigint][]).filter(([, value]) => value !== 0n);
  return [
    `rip ${hex(rip)} ${codeName(image, rip)}`.trimEnd(),
    `rflags ${flagsToText("rflags", rflags)}`,
    ...nonZero.map(([name, value]) => `${name} ${hex(value)} ${name === "rsp" ? endName(image, value) : ""}`.trimEnd()),
    `cr0 ${flagsToText("cr0", cpu.cr0)}`,
    `cr3 ${physical.at(cpu.cr3)}`,
    `cr4 ${flagsToText("cr4", cpu.cr4)}`,
    `efer ${flagsToText("efer", cpu.efer)}`,
    ...Object.entries(segments).map(([name, state]) => `${name.padEnd(3)} ${segmentLine(image, state)}`),
    `gdtr base ${hex(cpu.gdt.base)} limit ${hex(cpu.gdt.limit)}`,
    `idtr base ${hex(cpu.idt.base)} limit ${hex(cpu.idt.limit)}`,
  ];
}

/** What a segment register holds, and which segment of the GDT that is. */
function segmentLine({ gdt }: Image, state: SegmentState): string {
  if (state.unusable === 1) return `${hex(state.selector, 4)} ${segmentToText(state)}`;
  const entry = state.selector === 0 ? undefined : gdt?.entries.find(({ selector }) => selector === state.selector);
  const name = entry === undefined ? "" : `${entry.name}: `;
  return `${hex(state.selector, 4)} ${name}base ${hex(state.base)} limit ${hex(state.limit)} ${segmentToText(state)}`;
}

/** The label at an address, and how far behind it. */
function codeName({ programs }: Image, address: bigint): string {
  const place = codeAtAddress(programs, address);
  return place === undefined ? "" : codePlaceToText({ ...place, source: undefined });
}

/** What ends at an address: `stacks.main.end`; nothing where nothing does. */
export function endName({ symbols }: Image, address: bigint): string {
  const names = Object.keys(symbols).filter((name) => name.endsWith(".end") && symbols[name] === address);
  // The end of memory is where a mapping that ends there leads to.
  return names.find((name) => !name.startsWith("memory.")) ?? names[0] ?? "";
}
