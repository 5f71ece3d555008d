/** The modes that a guest can start in, as data: what each asks of the control registers and segments. */
import { CR0_PE, CR0_PG, CR4_LA57, CR4_PAE, EFER_LMA, EFER_LME, type PagingMode } from "../../paging/index.ts";
import type { Segment } from "../descriptors/segment.ts";

/**
 * The mode of the CPU at the guest's first instruction: `real16` real-address mode, `protected32` protected mode without
 * paging, `long64` 64-bit mode with 4-level paging.
 */
export type EntryMode = "real16" | "protected32" | "long64";

/** What a mode asks for. */
export interface EntryModeRules {
  /** The size of the first program's code. */
  readonly bits: 16 | 32 | 64;
  /** Bits that the mode needs set; the description may set more. */
  readonly cr0: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
  /** Bits that would make it another mode. */
  readonly forbids: { readonly cr0: bigint; readonly cr4: bigint; readonly efer: bigint };
  /** How virtual addresses are translated; `undefined` where they are physical. */
  readonly paging: PagingMode | undefined;
  /** The segments of a description that gives none, in the order of their selectors; none in real mode. */
  readonly segments: Readonly<Record<string, Segment>>;
}

/** The rows: SDM vol. 3A, 2.2, 4.1.1 and 9.8.5. */
export const entryModes: Readonly<Record<EntryMode, EntryModeRules>> = {
  real16: {
    bits: 16,
    cr0: 0n,
    cr4: 0n,
    efer: 0n,
    forbids: { cr0: CR0_PE | CR0_PG, cr4: 0n, efer: EFER_LMA },
    paging: undefined,
    segments: {},
  },
  protected32: {
    bits: 32,
    cr0: CR0_PE,
    cr4: 0n,
    efer: 0n,
    forbids: { cr0: CR0_PG, cr4: 0n, efer: EFER_LMA },
    paging: undefined,
    segments: { code: { type: "code", bits: 32 }, data: { type: "data" } },
  },
  long64: {
    bits: 64,
    cr0: CR0_PE | CR0_PG,
    cr4: CR4_PAE,
    efer: EFER_LME | EFER_LMA,
    forbids: { cr0: 0n, cr4: CR4_LA57, efer: 0n },
    paging: "4-level",
    segments: { code: { type: "code", bits: 64 }, data: { type: "data" } },
  },
};
