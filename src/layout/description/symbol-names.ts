/**
 * The names that a description gives to guest code: of everything that has an address, a size or a selector, and of the
 * labels of its programs. A name is the path of the thing in the description.
 */
/** The keys of an object that are names. */
type Names<T> = Extract<keyof T, string>;

/** What has an address, a size and an end. */
type Range<Path extends string> = Path | `${Path}.size` | `${Path}.end`;

type MemorySymbols<D> = D extends { readonly memory: infer M } ? Range<`memory.${Names<M>}`> : never;

type MappingSymbols<D> = D extends { readonly paging: { readonly map: infer M } }
  ? Range<`paging.map.${Names<M>}`> | `paging.map.${Names<M>}.phys` | "paging.tables"
  : never;

type StackSymbols<D> = D extends { readonly stacks: infer S } ? Range<`stacks.${Names<S>}`> : never;

type SegmentsIn<D> = D extends { readonly gdt: { readonly segments: infer S } } ? S : Record<"code" | "data", unknown>;

/** The names of an LDT's segments. */
type LocalSymbols<Path extends string, Segment> = Segment extends { readonly type: "ldt"; readonly segments: infer S }
  ? `${Path}.segments.${Names<S>}`
  : never;

/** The address of what a system segment leads to. */
type BaseSymbols<Path extends string, Segment> = Segment extends { readonly type: "tss" | "ldt" }
  ? `${Path}.base`
  : never;

type SegmentSymbols<S> = {
  [Name in Names<S>]:
    | `gdt.segments.${Name}`
    | BaseSymbols<`gdt.segments.${Name}`, S[Name]>
    | LocalSymbols<`gdt.segments.${Name}`, S[Name]>;
}[Names<S>];

type GdtSymbols<D> = D extends { readonly mode: "real16" }
  ? never
  : "gdt" | "gdt.limit" | SegmentSymbols<SegmentsIn<D>>;

type TableSymbols<D> =
  | (D extends { readonly idt: unknown } ? "idt" | "idt.limit" : never)
  | (D extends { readonly e820: unknown } ? "e820" | "e820.entries" : never);

/** The labels that some code defines. */
type LabelsOf<Code> = Code extends { readonly labels?: { readonly defined: infer L extends string } } ? L : never;

/** The programs of a description, and their labels. */
export type LabelsIn<D> = D extends { readonly place: infer P }
  ? {
      [Name in Names<P>]:
        | `place.${Name}`
        | (P[Name] extends { readonly code: infer Code } ? `place.${Name}.${LabelsOf<Code>}` : never);
    }[Names<P>]
  : never;

/**
 * The names that the programs of a description can use as labels:
 *
 * - `memory.NAME`, its `.size` and its `.end`: physical, in bytes;
 * - `paging.map.NAME`, `.size`, `.end`: virtual, in bytes; `.phys`: its physical address; `paging.tables`: the physical
 *   address of the root table;
 * - `stacks.NAME`, `.size`, `.end`: virtual, where there is paging; a stack pointer begins at `.end`;
 * - `gdt`, `gdt.limit`, `idt`, `idt.limit`: what GDTR and IDTR hold at entry;
 * - `gdt.segments.NAME`, and of an LDT `gdt.segments.NAME.segments.NAME`: the selector, of code and data with the DPL as RPL;
 * - `gdt.segments.NAME.base`: the linear address of a TSS or LDT;
 * - `e820`: the address of the memory map; `e820.entries`: how many ranges it has;
 * - `place.NAME`: the first byte of a program; `place.NAME.LABEL`: a label of it. Both as the program itself sees them: offsets
 *   into its CS.
 */
export type SymbolsIn<D> =
  | MemorySymbols<D>
  | MappingSymbols<D>
  | StackSymbols<D>
  | GdtSymbols<D>
  | TableSymbols<D>
  | LabelsIn<D>;
