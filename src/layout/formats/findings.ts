/** What stands between an image and its start from a file, on one target or on all. */
import { hex } from "../../core/hex.ts";
import type { Image, MemoryRegion } from "../image.ts";
import { overlap, type Range } from "../memory/extent.ts";
import type { ExportFinding, ExportTarget } from "./image-file.ts";

/** Physical addresses where a target has no RAM, or has it in use when the guest starts. */
interface TargetRange extends Range {
  readonly what: string;
  readonly kind: "refused" | "differs";
}

/**
 * Memory maps: for QEMU's `pc` machine measured with its SeaBIOS, which leaves its data there; for Firecracker from
 * `src/vmm/src/arch/x86_64/layout.rs`, for Cloud Hypervisor from `arch/src/x86_64/layout.rs`.
 */
export const targetRanges: Readonly<Record<ExportTarget, readonly TargetRange[]>> = {
  qemu: [
    { at: 0xa_0000n, size: 0x6_0000n, what: "the graphics adapter's and the firmware's memory", kind: "refused" },
    { at: 0xc000_0000n, size: 0x4000_0000n, what: "devices and the firmware, by default", kind: "refused" },
  ],
  firecracker: [{ at: 0xd000_0000n, size: 0x3000_0000n, what: "devices", kind: "refused" }],
  "cloud-hypervisor": [
    { at: 0xa_0000n, size: 0x6_0000n, what: "tables that the monitor writes", kind: "refused" },
    { at: 0xc000_0000n, size: 0x4000_0000n, what: "devices", kind: "refused" },
  ],
};

/** Where firmware or the monitor has written when a file without an entry stub starts. */
export const lowRanges: Readonly<Record<ExportTarget, readonly TargetRange[]>> = {
  qemu: [
    { at: 0x0n, size: 0x500n, what: "the firmware's interrupt vectors and data", kind: "differs" },
    { at: 0x6700n, size: 0x8_9900n, what: "what the firmware used while it started", kind: "differs" },
    { at: 0x9_fc00n, size: 0x400n, what: "the firmware's extended data", kind: "differs" },
  ],
  firecracker: [
    { at: 0x500n, size: 0x30n, what: "the monitor's GDT and IDT", kind: "differs" },
    { at: 0x6000n, size: 0x6000n, what: "the monitor's boot parameters, stack and page tables", kind: "differs" },
    { at: 0x2_0000n, size: 0x800n, what: "the command line", kind: "differs" },
    { at: 0x9_fc00n, size: 0x2400n, what: "tables that the monitor writes", kind: "differs" },
    { at: 0xe_0000n, size: 0x1000n, what: "tables that the monitor writes", kind: "differs" },
  ],
  "cloud-hypervisor": [
    { at: 0x500n, size: 0x30n, what: "the monitor's GDT and IDT", kind: "differs" },
    { at: 0x6000n, size: 0x7000n, what: "the monitor's boot parameters, stack and page tables", kind: "differs" },
    { at: 0x2_0000n, size: 0x1_0000n, what: "the command line", kind: "differs" },
    { at: 0x9_fc00n, size: 0x400n, what: "tables that the monitor writes", kind: "differs" },
  ],
};

/** Chunks that lie where a target has something else. */
export function rangeFindings(
  { chunks }: Image,
  target: ExportTarget,
  ranges: readonly TargetRange[],
): readonly ExportFinding[] {
  return ranges.flatMap((range): ExportFinding[] => {
    const chunk = chunks.find(({ at, bytes }) => overlap(range, { at, size: BigInt(bytes.length) }));
    if (chunk === undefined) return [];
    const where = `${hex(range.at)}..${hex(range.at + range.size - 1n)}`;
    return [
      { kind: range.kind, target, message: `${chunk.name} lies at ${hex(chunk.at)}, and ${where} is ${range.what}` },
    ];
  });
}

/** What a target has instead of a region that is no RAM. */
const elsewhere: Readonly<Record<Exclude<MemoryRegion["kind"], "ram" | "reserved">, string>> = {
  rom: "a target has RAM there: the guest's writes succeed",
  alias: "a target shows no memory twice",
  mmio: "a target has devices of its own",
};

/** Regions that no target makes. */
export function regionFindings({ memory }: Image): readonly ExportFinding[] {
  return memory.flatMap(({ name, kind }): ExportFinding[] => {
    if (kind === "ram" || kind === "reserved") return [];
    return [{ kind: "differs", target: undefined, message: `${name} is ${kind}: ${elsewhere[kind]}` }];
  });
}
