/** The description of a guest: what an author writes. Everything else is derived from it. */
import type { AnyCode, Linked } from "../../asm/index.ts";
import type { Size } from "../../core/units.ts";
import type { Access, CacheSetting, PageSize } from "../../paging/index.ts";
import type { Segment } from "../descriptors/segment.ts";
import type { EntryMode } from "../entry/entry-mode.ts";

/** A range of guest-physical memory. */
export interface MemoryDescription {
  /** The first address, in bytes; a multiple of 4096. */
  readonly at: Size;
  /** In bytes; a multiple of 4096, at least 4096. */
  readonly size: Size;
}

/** A virtual range that translates to a physical range. */
export interface MappingDescription {
  /** The first virtual address, in bytes; a multiple of 4096. */
  readonly virt: Size;
  /** The physical address that it translates to, in bytes; a multiple of 4096. */
  readonly phys: Size;
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
  /** The size of its pages; the largest that fits where not given. */
  readonly pageSize?: PageSize | "largest";
  /**
   * What must be behind it: `"ram"` (the default) is checked against the memory of the description; with `"none"` there
   * must be no memory, so that every access exits as MMIO.
   */
  readonly backing?: "ram" | "none";
}

/** The page tables of a guest. */
export interface PagingTablesDescription {
  /** The physical address of the root table; the other tables follow it. A multiple of 4096. */
  readonly tables: Size;
  /** The mappings, by name. */
  readonly map: Readonly<Record<string, MappingDescription>>;
}

/** The global descriptor table of a guest. */
export interface GdtDescription {
  /**
   * The physical address of the table; with paging, a mapping must cover it. Without it the segment registers are loaded
   * at entry all the same, but there is no table in memory and the guest cannot load them again.
   */
  readonly at?: Size;
  /** The segments, by name, in the order of their selectors from 0x08 on. */
  readonly segments: Readonly<Record<string, Segment>>;
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

/** A guest: its memory, its tables, its code, and the CPU that starts it. */
export interface GuestDescription {
  /** The mode at the first instruction. */
  readonly mode: EntryMode;
  /** The guest-physical memory, by name. */
  readonly memory: Readonly<Record<string, MemoryDescription>>;
  /** The page tables: needed in `long64`, not allowed in the other modes. */
  readonly paging?: PagingTablesDescription;
  /** The GDT: a flat code and a flat data segment where not given. Not allowed in `real16`. */
  readonly gdt?: GdtDescription;
  readonly cpu?: CpuDescription;
  /** The programs, by name. */
  readonly place: Readonly<Record<string, PlaceDescription>>;
  /** The program whose first byte runs first. Needed where there are several. */
  readonly entry?: string;
  /** The mapping, or memory, whose end is the stack pointer at entry. */
  readonly stack?: string;
}

type PlacesIn<D> = D extends { readonly paging: { readonly map: infer M } }
  ? keyof M
  : D extends { readonly memory: infer M }
    ? keyof M
    : never;

type SegmentsIn<D> = D extends { readonly gdt: { readonly segments: infer S } } ? keyof S : "code" | "data";

/**
 * What the compiler shows where a name is wrong: what the mistake is, and the names that there are. No value has this type.
 */
export interface Mistake<Message extends string, ThereIs> {
  readonly "this name does not exist": Message & ThereIs;
}

/** `unknown` where one of `Names` is given, or a name that is computed: the build checks it. */
type Known<Name, Names, What extends string> = Name extends Names
  ? unknown
  : string extends Name
    ? unknown
    : Mistake<`no ${What} is named "${Name & string}"; there is`, Names>;

/** What a description asks of its own names and labels: where one is wrong, its type here says what is wrong. */
export type Consistent<D extends GuestDescription> = {
  readonly place: {
    readonly [P in keyof D["place"]]: {
      readonly code: Linked<D["place"][P]["code"]>;
      readonly in: Known<D["place"][P]["in"], PlacesIn<D>, "place">;
      readonly sections?: D["place"][P] extends { readonly sections: infer S }
        ? {
            readonly [N in keyof S]: S[N] extends { readonly in: infer In }
              ? { readonly in: Known<In, PlacesIn<D>, "place"> }
              : unknown;
          }
        : unknown;
    };
  };
  readonly entry?: D extends { readonly entry: infer E } ? Known<E, keyof D["place"], "program"> : unknown;
  readonly stack?: D extends { readonly stack: infer S } ? Known<S, PlacesIn<D>, "place"> : unknown;
  readonly cpu?: D extends { readonly mode: "protected32" | "long64"; readonly cpu: { readonly segments: infer S } }
    ? { readonly segments: { readonly [R in keyof S]: Known<S[R], SegmentsIn<D>, "segment"> } }
    : unknown;
};
