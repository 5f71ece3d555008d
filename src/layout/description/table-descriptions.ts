/** What an author writes of descriptor tables, task states, gates and interrupts. */
import type { Size } from "../../core/units.ts";
import type { Segment } from "../descriptors/segment.ts";

/** Where a table is put: at a physical address, or in a place. */
export interface TablePlacement {
  /** The physical address, in bytes; with paging, a mapping must cover the table. */
  readonly at?: Size;
  /** The mapping or, where the mode has no paging, the memory that holds it. */
  readonly in?: string;
  /** Bytes from the beginning of that place. Where not given, the table lies as near to its end as there is room. */
  readonly offset?: Size;
}

/** The name of a stack or a place, whose end is meant, or a stack pointer. */
export type StackPointer = string | number | bigint;

/** A task-state segment: its descriptor, and what it holds. It needs a place. */
export interface TssDescription extends TablePlacement {
  readonly type: "tss";
  /** Its form. Where not given, 64 in `long64` and `compat32`, 16 in `protected16`, else 32. */
  readonly bits?: 16 | 32 | 64;
  /** The privilege level, 0 to 3. 0 where not given. */
  readonly dpl?: 0 | 1 | 2 | 3;
  /** The stacks that the CPU changes to when it enters privilege level 0, 1 or 2. */
  readonly stacks?: { readonly [Level in 0 | 1 | 2]?: StackPointer };
  /** In 64 bits: the interrupt stack table, whose stacks the gates of an IDT can name. */
  readonly ist?: { readonly [Index in 1 | 2 | 3 | 4 | 5 | 6 | 7]?: StackPointer };
  /**
   * The ports, 0 to 0xffff, that code may use whose privilege IOPL does not allow it: numbers, or the first and the last of a
   * range. Where not given there is no I/O bitmap, and it may use none. Not in 16 bits.
   */
  readonly ports?: readonly (number | readonly [first: number, last: number])[];
  /** In 16 and 32 bits: where a switch to the task begins, a name such as `place.kernel.double_fault`. */
  readonly entry?: string;
  /** In 16 and 32 bits: the stack of the task. */
  readonly stack?: StackPointer;
}

/** A local descriptor table: its descriptor in the GDT, and its segments. It needs a place. */
export interface LdtDescription extends TablePlacement {
  readonly type: "ldt";
  /** By name, in the order of their selectors from 0x04 on. */
  readonly segments: Readonly<Record<string, Segment | CallGateDescription>>;
}

/** A gate through which code of lower privilege calls a label. */
export interface CallGateDescription {
  readonly type: "call-gate";
  /** What is called: a name such as `place.kernel.system_call`. */
  readonly target: string;
  /** The name of its code segment in the GDT. The first of level 0 for the mode's code where not given. */
  readonly segment?: string;
  /** The privilege that is needed to call it, 0 to 3. 0 where not given. */
  readonly dpl?: 0 | 1 | 2 | 3;
  /** How many words, or doublewords, are copied from the caller's stack, 0 to 31; not in long mode. 0 where not given. */
  readonly parameters?: number;
}

/** A gate to a task; long mode has none. */
export interface TaskGateDescription {
  readonly type: "task-gate";
  /** The name of the TSS in the GDT. */
  readonly task: string;
  /** The privilege that is needed to use it, 0 to 3. 0 where not given. */
  readonly dpl?: 0 | 1 | 2 | 3;
}

/** An entry of the GDT. */
export type SegmentDescription = Segment | TssDescription | LdtDescription | CallGateDescription | TaskGateDescription;

/** Where an interrupt or exception goes. */
export interface InterruptDescription {
  /** The label that it goes to: a name such as `place.kernel.page_fault`. */
  readonly handler: string;
  /** Whether the interrupt flag is cleared (`"interrupt"`, where not given) or left as it is (`"trap"`). */
  readonly type?: "interrupt" | "trap";
  /** The name of the code segment in the GDT. The first of level 0 for the mode's code where not given. */
  readonly segment?: string;
  /** The privilege that `int`, `int3` and `into` need to use it, 0 to 3. 0 where not given. */
  readonly dpl?: 0 | 1 | 2 | 3;
  /** In 64-bit code: the stack of the TSS's interrupt stack table, 1 to 7. None of them where not given. */
  readonly ist?: 1 | 2 | 3 | 4 | 5 | 6 | 7;
}

/** A task gate for a vector: its interrupt or exception switches to a task of its own. Neither in real nor in long mode. */
export interface InterruptTaskDescription {
  /** The name of the TSS in the GDT. */
  readonly task: string;
  /** The privilege that `int`, `int3` and `into` need to use it, 0 to 3. 0 where not given. */
  readonly dpl?: 0 | 1 | 2 | 3;
}

/**
 * The interrupt descriptor table of a guest; in real mode the interrupt vector table, at address 0 where it has no place, as
 * the CPU finds it after a reset. IDTR holds it at entry.
 */
export interface IdtDescription extends TablePlacement {
  /**
   * Where each vector goes: by its number, 0 to 255, or the name of its exception such as `"#PF"`. A label stands for
   * `{ handler: label }`. In real mode a label is all that a vector has.
   */
  readonly vectors: Readonly<Record<number | string, string | InterruptDescription | InterruptTaskDescription>>;
  /**
   * Where stubs are put that make all vectors look alike: each handler is called as a subroutine, with the address of a frame
   * that holds all registers, the vector and an error code, in RDI or EDI; see {@link exceptionFrame64}. Where not given, the
   * gates lead to the handlers themselves.
   */
  readonly stubs?: { readonly in: string; readonly offset?: Size };
}

/**
 * The global descriptor table of a guest. Where it has no place, the segment registers are loaded at entry all the same, but
 * there is no table in memory and the guest cannot load them again.
 */
export interface GdtDescription extends TablePlacement {
  /** The segments, by name, in the order of their selectors from 0x08 on. */
  readonly segments: Readonly<Record<string, SegmentDescription>>;
}
