/** The modes that a guest can start in, as data: what each asks of the control registers, paging and segments. */
import { CR0_PE, CR0_PG, CR4_LA57, CR4_PAE, EFER_LMA, EFER_LME, type PagingMode } from "../../paging/index.ts";
import type { Segment } from "../descriptors/segment.ts";

/**
 * The mode of the CPU at the guest's first instruction: `real16` real-address mode; `protected16` and `protected32` protected
 * mode with 16- and 32-bit code; `compat32` compatibility mode, 32-bit code in long mode; `long64` 64-bit mode.
 */
export type EntryMode = "real16" | "protected16" | "protected32" | "compat32" | "long64";

/** Bits of the control registers. */
export interface ControlBits {
  readonly cr0: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
}

/** What a mode asks for. */
export interface EntryModeRules {
  /** The size of the first program's code. */
  readonly bits: 16 | 32 | 64;
  /** Bits that the mode needs set, besides those of its paging; the description may set more. */
  readonly needs: ControlBits;
  /** Bits that would make it another mode. */
  readonly forbids: ControlBits;
  /** How virtual addresses may be translated, the default first; none in real mode. */
  readonly paging: readonly PagingMode[];
  /** Whether it is no mode without paging. */
  readonly needsPaging: boolean;
  /** The segments of a description that gives none, in the order of their selectors; none in real mode. */
  readonly segments: Readonly<Record<string, Segment>>;
}

const none: ControlBits = { cr0: 0n, cr4: 0n, efer: 0n };
const flat32: Readonly<Record<string, Segment>> = { code: { type: "code", bits: 32 }, data: { type: "data" } };

/** The rows: SDM vol. 3A, 2.2, 4.1.1 and 9.8.5. */
export const entryModes: Readonly<Record<EntryMode, EntryModeRules>> = {
  real16: {
    bits: 16,
    needs: none,
    forbids: { cr0: CR0_PE | CR0_PG, cr4: 0n, efer: EFER_LMA },
    paging: [],
    needsPaging: false,
    segments: {},
  },
  protected16: {
    bits: 16,
    needs: { ...none, cr0: CR0_PE },
    forbids: { ...none, efer: EFER_LMA },
    paging: ["32-bit", "pae"],
    needsPaging: false,
    segments: { code: { type: "code", bits: 16 }, data: { type: "data", bits: 16 } },
  },
  protected32: {
    bits: 32,
    needs: { ...none, cr0: CR0_PE },
    forbids: { ...none, efer: EFER_LMA },
    paging: ["32-bit", "pae"],
    needsPaging: false,
    segments: flat32,
  },
  compat32: {
    bits: 32,
    needs: { cr0: CR0_PE | CR0_PG, cr4: CR4_PAE, efer: EFER_LME | EFER_LMA },
    forbids: none,
    paging: ["4-level", "5-level"],
    needsPaging: true,
    segments: flat32,
  },
  long64: {
    bits: 64,
    needs: { cr0: CR0_PE | CR0_PG, cr4: CR4_PAE, efer: EFER_LME | EFER_LMA },
    forbids: none,
    paging: ["4-level", "5-level"],
    needsPaging: true,
    segments: { code: { type: "code", bits: 64 }, data: { type: "data" } },
  },
};

/** What each paging mode, or none, forbids in the control registers: bits that would select another one (SDM vol. 3A, 4.1.1). */
export const pagingForbids: Readonly<Record<PagingMode | "off", ControlBits>> = {
  off: { ...none, cr0: CR0_PG },
  "32-bit": { ...none, cr4: CR4_PAE },
  pae: { ...none, efer: EFER_LME },
  "4-level": { ...none, cr4: CR4_LA57 },
  "5-level": none,
};
