/** The description of a guest: what an author writes. Everything else is derived from it. */
import type { AnyCode } from "../../asm/index.ts";
import type { Size } from "../../core/units.ts";
import type { Access, CacheSetting, PageSize, PagingMode } from "../../paging/index.ts";
import type { EntryMode } from "../entry/entry-mode.ts";
import type { GdtDescription, IdtDescription, TablePlacement } from "./table-descriptions.ts";

/** Memory of the guest: RAM, or ROM that it can read and execute, but whose writes exit. */
export interface StorageDescription {
  /** `"ram"` where not given. */
  readonly kind?: "ram" | "rom";
  /**
   * The first physical address, in bytes; a multiple of 4096. Where not given, the lowest one where the region fits, after
   * those that say theirs.
   */
  readonly at?: Size;
  /** In bytes; a multiple of 4096, at least 4096. */
  readonly size: Size;
  /** Without `at`: what the address is a multiple of, in bytes; a power of two from 4096 on, which is the default. */
  readonly align?: Size;
  /** Without `at`: the physical address, in bytes, that the region ends at or below. */
  readonly below?: Size;
}

/** Memory that the guest finds at one more physical address: what it writes at one, it reads at the other. */
export interface AliasDescription {
  readonly kind: "alias";
  /** The `ram` or `rom` region that it shows. */
  readonly of: string;
  /** The first physical address, in bytes; a multiple of 4096. */
  readonly at: Size;
  /** Bytes from the beginning of that region; a multiple of 4096. 0 where not given. */
  readonly offset?: Size;
  /** In bytes; a multiple of 4096. The rest of that region where not given. */
  readonly size?: Size;
}

/** Addresses without memory: registers of a device, or a range that the guest is told to leave alone. Accesses exit. */
export interface WindowDescription {
  readonly kind: "mmio" | "reserved";
  /** The first physical address, in bytes; a multiple of 4096. */
  readonly at: Size;
  /** In bytes; a multiple of 4096, at least 4096. */
  readonly size: Size;
}

/** A range of guest-physical addresses. */
export type MemoryDescription = StorageDescription | AliasDescription | WindowDescription;

/** A virtual range that translates to a physical range. */
export interface MappingDescription {
  /** The first virtual address, in bytes; a multiple of 4096. */
  readonly virt: Size;
  /**
   * The physical address that it translates to, in bytes; a multiple of 4096. Where not given, the lowest free one of a
   * region of RAM: where the alignment of its pages allows, and nothing else in the description lies.
   */
  readonly phys?: Size;
  /** Without `phys`: the region of RAM. Any where not given. */
  readonly in?: string;
  /** In bytes; a multiple of 4096. */
  readonly size: Size;
  /** Without `x` the entries have XD set, and EFER.NXE is set at entry. */
  readonly access: Access;
  /** Whether user mode (CPL 3) may use it too. */
  readonly user?: boolean;
  /** G: the translation survives a reload of CR3. */
  readonly global?: boolean;
  /** The memory type. */
  readonly cache?: CacheSetting;
  /** The protection key, 0 to 15; 4- and 5-level paging only. CR4.PKE is set at entry where one is not 0. */
  readonly key?: number;
  /** The bits that the CPU leaves to software: bits 9 to 11 of the entry from the lowest up, then 52 to 58 where the mode has them. */
  readonly software?: number;
  /** The size of its pages; the largest that fits where not given. */
  readonly pageSize?: PageSize | "largest";
  /** Replaces what other mappings say about its virtual addresses, instead of an error about the overlap. */
  readonly override?: boolean;
  /**
   * What must be behind it: `"ram"` (the default) is checked against the memory of the description; with `"none"` there
   * must be no memory, so that every access exits as MMIO.
   */
  readonly backing?: "ram" | "none";
}

/** The page tables of a guest. */
export interface PagingTablesDescription {
  /**
   * How virtual addresses are translated. Where not given, `"4-level"` in `long64` and `compat32`, `"32-bit"` in the other
   * modes.
   */
  readonly mode?: PagingMode;
  /**
   * The physical address of the root table; the other tables follow it. A multiple of 4096. Where not given, the lowest free
   * address of RAM where they fit.
   */
  readonly tables?: Size;
  /** The mappings, by name. */
  readonly map: Readonly<Record<string, MappingDescription>>;
}

/** The names of the general registers that a description can set. */
type SettableRegister =
  | "rax"
  | "rbx"
  | "rcx"
  | "rdx"
  | "rsi"
  | "rdi"
  | "rbp"
  | "rsp"
  | "r8"
  | "r9"
  | "r10"
  | "r11"
  | "r12"
  | "r13"
  | "r14"
  | "r15"
  | "rflags";

/** The names of the segment registers that a description can set. */
export type SettableSegment = "cs" | "ds" | "es" | "fs" | "gs" | "ss";

/** The state of the CPU at entry, where it differs from what the mode implies. Registers without a value are 0. */
export interface CpuDescription extends Readonly<Partial<Record<SettableRegister, Size>>> {
  /** Replaces the mode's value, so the bits that the mode needs must be among it. */
  readonly cr0?: Size;
  /** Replaces the mode's value, so the bits that the mode needs must be among it. */
  readonly cr4?: Size;
  /** Replaces the mode's value, so the bits that the mode needs must be among it. */
  readonly efer?: Size;
  /**
   * What the segment registers hold: in real mode a number, whose sixteenfold is the base; else the name of a segment
   * of the GDT. Where not given: 0 in real mode; else the first code segment of the mode's size in CS, and the first
   * data segment of CS's privilege level in the others.
   */
  readonly segments?: Readonly<Partial<Record<SettableSegment, number | string>>>;
  /**
   * The TSS of the GDT in TR, which is marked busy. The first one where not given; `null` where the guest loads TR itself.
   */
  readonly tr?: string | null;
  /** The LDT of the GDT in LDTR. The first one where not given; `null` where the guest loads LDTR itself. */
  readonly ldtr?: string | null;
}

/** Where a section of a program is put. */
export interface SectionDescription {
  /** The mapping that holds it or, where the mode has no paging, the memory. */
  readonly in: string;
  /** Bytes from the beginning of that to the section's first byte. 0 where not given. */
  readonly offset?: Size;
}

/** A program and where it is put. */
export interface PlaceDescription {
  /** The code, from `code16()`, `code32()` or `code64()`. */
  readonly code: AnyCode;
  /** The mapping that holds it or, where the mode has no paging, the memory. */
  readonly in: string;
  /** Bytes from the beginning of that to the program's first byte. 0 where not given. */
  readonly offset?: Size;
  /** Sections of the code, by name, that lie elsewhere; the others follow the first one. */
  readonly sections?: Readonly<Record<string, SectionDescription>>;
}

/** A stack. With paging it is a mapping of its own, with access `rw`. */
export interface StackDescription {
  /** In bytes; a multiple of 4096. */
  readonly size: Size;
  /** With paging: the lowest virtual address, in bytes; a multiple of 4096. The same as the physical one where not given. */
  readonly virt?: Size;
  /** The lowest physical address, in bytes; a multiple of 4096. Where not given, free addresses of RAM. */
  readonly phys?: Size;
  /** Without `phys`: the region of RAM. Any where not given. */
  readonly in?: string;
  /** With paging: whether user mode (CPL 3) may use it too. */
  readonly user?: boolean;
  /**
   * With paging: whether the page below it and the page above it must stay unmapped, so that running past its end faults.
   * True where not given.
   */
  readonly guard?: boolean;
}

/** A guest: its memory, its tables, its code, and the CPU that starts it. */
export interface GuestDescription {
  /** The mode at the first instruction. */
  readonly mode: EntryMode;
  /** The guest-physical memory, by name. */
  readonly memory: Readonly<Record<string, MemoryDescription>>;
  /** The page tables: needed in `long64` and `compat32`, possible in `protected16` and `protected32`. */
  readonly paging?: PagingTablesDescription;
  /** Stacks, by name. */
  readonly stacks?: Readonly<Record<string, StackDescription>>;
  /** The GDT: a flat code and a flat data segment where not given. Not allowed in `real16`. */
  readonly gdt?: GdtDescription;
  readonly idt?: IdtDescription;
  readonly cpu?: CpuDescription;
  /**
   * A map of the physical memory for the guest, as INT 15h, AX=E820h returns it (ACPI 6.5, 15.1): 20 bytes a range, in
   * address order.
   */
  readonly e820?: TablePlacement;
  /** The programs, by name. */
  readonly place: Readonly<Record<string, PlaceDescription>>;
  /** The program whose first byte runs first. Needed where there are several. */
  readonly entry?: string;
  /**
   * The stack of `stacks`, or the mapping or memory, whose end is the stack pointer at entry. The only one of `stacks` where
   * not given.
   */
  readonly stack?: string;
}
