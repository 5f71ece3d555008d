/**
 * The image: everything that a runner, a file format, a snapshot or a tool needs to know of a guest, as plain data.
 * The same description gives the same image, to the byte.
 */
import type { ListingLine, Mode } from "../asm/index.ts";
import type { PhysAddr, VirtAddr } from "../core/address.ts";
import type { Mapping, PagingMode, PagingRequirements } from "../paging/index.ts";
import type { CpuState } from "./cpu-state.ts";
import type { Descriptor, IdtGate, RealModeVector, TaskState } from "./descriptors/index.ts";
import type { EntryMode } from "./entry/entry-mode.ts";
import type { E820Entry } from "./tables/e820.ts";

/** A range of guest-physical addresses. */
interface AddressRange {
  readonly name: string;
  readonly at: PhysAddr;
  /** In bytes; a multiple of 4096. */
  readonly size: bigint;
}

/**
 * A range of guest-physical addresses, and what answers there. What lies in none is not backed: the guest's access to it exits.
 *
 * - `ram`: memory.
 * - `rom`: memory that the guest can read and execute; its writes exit. The host fills it.
 * - `alias`: the memory of region `of`, from byte `offset` of it on, at one more address.
 * - `mmio`: a device's registers; every access exits.
 * - `reserved`: kept free of memory; every access exits.
 */
export type MemoryRegion =
  | (AddressRange & { readonly kind: "ram" | "rom" | "mmio" | "reserved" })
  | (AddressRange & {
      readonly kind: "alias";
      /** The name of a `ram` or `rom` region. */
      readonly of: string;
      /** From the start of that region, in bytes; a multiple of 4096. */
      readonly offset: bigint;
    });

/** Bytes that lie in guest memory before the first instruction. Chunks are sorted and do not overlap. */
export interface Chunk {
  /** What put these bytes here: `code guest`, `page tables`, `gdt`. */
  readonly name: string;
  readonly at: PhysAddr;
  readonly bytes: Uint8Array;
}

/** An entry of a descriptor table. */
export interface ImageDescriptor {
  readonly name: string;
  /** As the segment registers hold it: with the segment's DPL as RPL. */
  readonly selector: number;
  readonly descriptor: Descriptor;
}

/** The GDT of an image; its bytes are the chunk `gdt`. */
export interface ImageGdt {
  /** Its physical address; `undefined` where no table lies in memory. */
  readonly at: PhysAddr | undefined;
  /** Its entries in the order of their selectors, from 0x08 on. */
  readonly entries: readonly ImageDescriptor[];
}

/** An LDT of an image; its bytes are the chunk `ldt NAME`. */
export interface ImageLdt {
  /** The name of its segment in the GDT. */
  readonly name: string;
  readonly at: PhysAddr;
  /** Its entries in the order of their selectors, from 0x04 on. */
  readonly entries: readonly ImageDescriptor[];
}

/** A task-state segment of an image; its bytes are the chunk `tss NAME`. */
export interface ImageTss {
  /** The name of its segment in the GDT. */
  readonly name: string;
  readonly at: PhysAddr;
  readonly state: TaskState;
}

/** Where a vector leads: a gate, or in real mode a far pointer. */
export type ImageVector = {
  /** 0 to 255. */
  readonly vector: number;
  /** The label that it leads to, by way of a stub where there are stubs, or the TSS: as the description names it. */
  readonly handler: string;
} & ({ readonly gate: IdtGate } | { readonly far: RealModeVector });

/** The IDT of an image; in real mode the interrupt vector table. Its bytes are the chunk `idt`. */
export interface ImageIdt {
  readonly at: PhysAddr;
  /** The vectors that lead anywhere, in their order. */
  readonly vectors: readonly ImageVector[];
}

/** A mapping of an image. */
export interface ImageMapping extends Mapping {
  /** Whether there is memory behind it. */
  readonly backing: "ram" | "none";
}

/** The page tables of an image; their bytes are the chunk `page tables`. */
export interface ImagePaging {
  readonly mode: PagingMode;
  readonly root: PhysAddr;
  readonly mappings: readonly ImageMapping[];
  /** What the layout found physical addresses for, as the description gives none: `paging.map.data`, `stacks.main`, `paging.tables`. */
  readonly found: readonly string[];
  readonly requires: PagingRequirements;
}

/** A section of a program that lies apart from it; its bytes are the chunk `code NAME SECTION`. */
export interface ImageSection {
  readonly name: string;
  /** The address of its first byte as the code sees it. */
  readonly origin: VirtAddr;
  readonly phys: PhysAddr;
  /** In bytes. */
  readonly size: number;
}

/** A stack of an image. */
export interface ImageStack {
  readonly name: string;
  /** The lowest address; with paging, virtual. */
  readonly virt: VirtAddr;
  readonly phys: PhysAddr;
  /** In bytes. */
  readonly size: bigint;
  /** Whether the pages below and above it are unmapped. */
  readonly guard: boolean;
}

/** The map of physical memory that the guest finds; its bytes are the chunk `e820`. */
export interface ImageE820 {
  readonly at: PhysAddr;
  readonly virt: VirtAddr;
  readonly entries: readonly E820Entry[];
}

/** A program of an image; its bytes are the chunk `code NAME`. */
export interface ImageProgram {
  readonly name: string;
  readonly mode: Mode;
  /** The address of its first byte as its own code sees it: an offset into CS. */
  readonly origin: VirtAddr;
  readonly phys: PhysAddr;
  /** In bytes. */
  readonly size: number;
  /** The sections that lie apart from the rest, in the order in which the code names them. */
  readonly sections: readonly ImageSection[];
  /** The address of each label as the code sees it. */
  readonly labels: Readonly<Record<string, VirtAddr>>;
  readonly listing: readonly ListingLine[];
}

/** Something legal but suspicious. */
export interface ImageWarning {
  readonly code: /** A mapping lets the guest run what it can write. */
    | "WRITABLE_AND_EXECUTABLE"
    /** A mapping in the upper half of the addresses is open to user mode. */
    | "USER_IN_UPPER_HALF"
    /** Two mappings lead to the same memory under different memory types. */
    | "CACHE_ALIAS"
    /** Not every CPU has pages of 1 GiB. */
    | "GIGABYTE_PAGE"
    /** Not every CPU has physical addresses of more than 36 bits. */
    | "WIDE_ADDRESS";
  readonly message: string;
}

/** A guest, ready to be loaded. Plain data: it can be cloned, compared and sent to another thread. */
export interface Image {
  /** The mode of the CPU at the guest's first instruction. */
  readonly mode: EntryMode;
  /** Guest memory, in address order. */
  readonly memory: readonly MemoryRegion[];
  /** The bytes in it, in address order; what no chunk covers is zero. */
  readonly chunks: readonly Chunk[];
  /** The CPU at the guest's first instruction. */
  readonly cpu: CpuState;
  /** `undefined` in real mode. */
  readonly gdt: ImageGdt | undefined;
  readonly ldts: readonly ImageLdt[];
  readonly tasks: readonly ImageTss[];
  /** `undefined` where the description has none. */
  readonly idt: ImageIdt | undefined;
  /** `undefined` where the guest starts without paging. */
  readonly paging: ImagePaging | undefined;
  readonly stacks: readonly ImageStack[];
  /** `undefined` where the guest finds no map of its memory. */
  readonly e820: ImageE820 | undefined;
  /** What the description's names stand for in guest code: addresses, sizes, selectors. Labels have `place.` before them. */
  readonly symbols: Readonly<Record<string, bigint>>;
  /** In the order of the description. */
  readonly programs: readonly ImageProgram[];
  readonly warnings: readonly ImageWarning[];
}
