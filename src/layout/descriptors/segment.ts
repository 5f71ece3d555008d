/**
 * Code and data segments: from one description come the descriptor's eight bytes and the segment register with its hidden
 * part. SDM vol. 3A, 3.4.5.
 */
import { hex } from "../../core/hex.ts";
import type { SegmentState } from "../cpu-state.ts";
import { LayoutError } from "../layout-error.ts";
import { packFields, unpackFields } from "./bit-fields.ts";
import { checkRange } from "./check-range.ts";
import { segmentFields } from "./descriptor-fields.ts";
import { attributesOfFields, fieldsOfState, stateOfAttributes, type SegmentAttributes } from "./segment-fields.ts";

/** What code and data segments have in common. */
interface SegmentBase extends SegmentAttributes {
  /**
   * The linear address of the segment's first byte, 0 to 2^32 - 1. 0 where not given. In 64-bit code only
   * FS and GS add it (SDM vol. 3A, 3.4.4).
   */
  readonly base?: number;
  /**
   * The offset of the segment's last byte, 0 to 2^32 - 1. Above 0xfffff it must end in 0xfff, since the descriptor then
   * counts pages. Where not given, 0xffffffff, or 0xfffff where it counts bytes; 64-bit code and data ignore it.
   */
  readonly limit?: number;
  /** Accessed, as if a register had been loaded with it already. True where not given: VT-x wants it at entry. */
  readonly accessed?: boolean;
}

/** A code segment. */
export interface CodeSegment extends SegmentBase {
  readonly type: "code";
  /** The size of its code: 64 sets L, 32 sets D, 16 sets neither. */
  readonly bits: 16 | 32 | 64;
  /** Whether it can be read as data. True where not given. */
  readonly readable?: boolean;
  /** Whether code of lower privilege may enter it without a gate. */
  readonly conforming?: boolean;
}

/** A data or stack segment. */
export interface DataSegment extends SegmentBase {
  readonly type: "data";
  /** The size of its stack pointer and, of an expand-down segment, of its upper bound: the B flag. 32 where not given. */
  readonly bits?: 16 | 32;
  /** Whether it can be written. True where not given. */
  readonly writable?: boolean;
  /** Whether its offsets are those above the limit. */
  readonly expandDown?: boolean;
}

/** A segment as a description gives it. */
export type Segment = CodeSegment | DataSegment;

/** Bits of the type field of a code or data descriptor (SDM vol. 3A, table 3-1). */
export const typeBits = { accessed: 1, writableOrReadable: 2, expandDownOrConforming: 4, code: 8 } as const;

/** The hidden part of a segment register. `path` is what errors call the segment's place. */
export function codeOrDataState(path: string, segment: Segment, selector: number): SegmentState {
  const { base = 0, accessed = true, granularity } = segment;
  const limit = segment.limit ?? (granularity === "byte" ? 0xf_ffff : 0xffff_ffff);
  checkRange(`${path}base`, base, 0xffff_ffff, "BAD_SEGMENT");
  const isCode = segment.type === "code";
  const readsOrWrites = (isCode ? segment.readable : segment.writable) ?? true;
  const conformsOrExpandsDown = (isCode ? segment.conforming : segment.expandDown) ?? false;
  return {
    ...stateOfAttributes(path, segment, BigInt(base), limit, selector),
    type:
      (isCode ? typeBits.code : 0) |
      (conformsOrExpandsDown ? typeBits.expandDownOrConforming : 0) |
      (readsOrWrites ? typeBits.writableOrReadable : 0) |
      (accessed ? typeBits.accessed : 0),
    s: 1,
    db: (segment.bits ?? 32) === 32 ? 1 : 0,
    l: isCode && segment.bits === 64 ? 1 : 0,
  };
}

/** The eight bytes in a table that give a segment register this hidden part, as a little-endian number. */
export function encodeSegmentState(state: SegmentState): bigint {
  return packFields(segmentFields, fieldsOfState(state));
}

/** The segment of eight bytes whose S is set, with every field given. */
export function decodeSegment(packed: bigint): Segment {
  const values = unpackFields(segmentFields, packed);
  const type = Number(values.type);
  const has = (bit: number): boolean => (type & bit) !== 0;
  const common = { base: Number(values.base), ...attributesOfFields(values), accessed: has(typeBits.accessed) };
  const isCode = has(typeBits.code);
  if (values.l === 1n && (!isCode || values.db === 1n)) {
    const what = isCode ? "code with both L and D set" : "data with L set";
    throw new LayoutError(`${hex(packed, 16)}: ${what} is reserved`, { code: "NOT_DECODABLE", value: packed });
  }
  const bits = values.db === 1n ? 32 : 16;
  const second = has(typeBits.writableOrReadable);
  const third = has(typeBits.expandDownOrConforming);
  return isCode
    ? { type: "code", bits: values.l === 1n ? 64 : bits, ...common, readable: second, conforming: third }
    : { type: "data", bits, ...common, writable: second, expandDown: third };
}

/** What a segment is, in words: `code64 dpl 0 readable accessed`. */
export function segmentToText(state: SegmentState): string {
  if (state.unusable === 1) return "unusable";
  if (state.s === 0) return `${systemTypes[state.type] ?? `system type ${state.type}`} dpl ${state.dpl}`;
  const has = (bit: number): boolean => (state.type & bit) !== 0;
  const isCode = has(typeBits.code);
  const kind = isCode ? `code${state.l === 1 ? 64 : state.db === 1 ? 32 : 16}` : `data${state.db === 1 ? 32 : 16}`;
  const words = [
    kind,
    `dpl ${state.dpl}`,
    has(typeBits.writableOrReadable) ? (isCode ? "readable" : "writable") : "",
    has(typeBits.expandDownOrConforming) ? (isCode ? "conforming" : "expand-down") : "",
    has(typeBits.accessed) ? "accessed" : "",
    state.present === 1 ? "" : "not present",
  ];
  return words.filter((word) => word !== "").join(" ");
}

/** System descriptor types that a register can hold (SDM vol. 3A, table 3-2). */
const systemTypes: Readonly<Record<number, string>> = { 2: "ldt", 3: "busy tss16", 11: "busy tss" };
