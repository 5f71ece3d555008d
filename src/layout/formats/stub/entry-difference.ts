/** What the entry state of PVH and Multiboot leaves to do: both start in 32-bit protected mode, flat, without paging. */
import { hex } from "../../../core/hex.ts";
import type { CpuState, GeneralRegisters, SegmentName, SegmentState } from "../../cpu-state.ts";
import type { Image } from "../../image.ts";
import { CR0_PE } from "../../../paging/index.ts";

/** CR0.ET, which is always set on CPUs since the 80486 (SDM vol. 3A, 2.5). */
const CR0_ET = 0x10n;

/** PVH and Multiboot loaders keep what they know below this address; images must not lie there (1 MiB). */
export const lowMemoryEnd = 0x10_0000n;

/** A segment that covers all of 4 GiB (SDM vol. 3A, 3.2.1). */
function isFlat({ base, limit, db }: SegmentState): boolean {
  return base === 0n && limit === 0xffff_ffff && db === 1;
}

const flatSegments: readonly SegmentName[] = ["cs", "ds", "es", "ss"];

/**
 * How an image differs from what such a loader gives it, in words; nothing where it can start without a stub. General
 * registers that the image has at 0 count as the loader's to choose.
 */
export function entryDifferences({ cpu, chunks }: Pick<Image, "cpu" | "chunks">): readonly string[] {
  const flags = ([name, value, given]: readonly ["cr0" | "cr4" | "efer", bigint, bigint]): string[] =>
    value === given ? [] : [`${name} is ${hex(value)}, and the loader gives ${hex(given)}`];
  const table = (name: "gdt" | "idt"): string[] => (tableIsEmpty(cpu, name) ? [] : [`${name}r is to be loaded`]);
  const low = chunks.find(({ at }) => at < lowMemoryEnd);
  return [
    ...flags(["cr0", cpu.cr0 & ~CR0_ET, CR0_PE]),
    ...flags(["cr4", cpu.cr4, 0n]),
    ...flags(["efer", cpu.efer, 0n]),
    ...flatSegments
      .filter((name) => !isFlat(cpu.segments[name]))
      .map((name) => `${name} is not flat and 32-bit, and the loader's is`),
    ...table("gdt"),
    ...table("idt"),
    ...registerDifferences(cpu.regs),
    ...(low === undefined ? [] : [`${low.name} lies at ${hex(low.at)}, below 1 MiB, where loaders keep their own`]),
  ];
}

function tableIsEmpty(cpu: CpuState, name: "gdt" | "idt"): boolean {
  return cpu[name].base === 0n && cpu[name].limit === 0;
}

/** Bit 1 of RFLAGS reads as 1 always (SDM vol. 1, 3.4.3). */
const rflagsFixed = 2n;

function registerDifferences(regs: GeneralRegisters): readonly string[] {
  return (Object.entries(regs) as [keyof GeneralRegisters, bigint][])
    .filter(([name, value]) => name !== "rip" && value !== (name === "rflags" ? rflagsFixed : 0n))
    .map(([name, value]) => `${name} is ${hex(value)}`);
}
