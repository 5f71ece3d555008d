/** The segments that hold a task's state or a table of descriptors: SDM vol. 3A, 7.2.2, 7.2.3 and 3.5. */
import type { VirtAddr } from "../../core/address.ts";
import { show } from "../../core/show.ts";
import type { SegmentState } from "../cpu-state.ts";
import { LayoutError } from "../layout-error.ts";
import { largest, packFields, unpackFields } from "./bit-fields.ts";
import { checkRange } from "./check-range.ts";
import { attributesOfFields, fieldsOfState, stateOfAttributes, type SegmentAttributes } from "./segment-fields.ts";
import { systemTypes, type SystemSegmentType, type SystemType } from "./system-types.ts";

/** What a TSS and an LDT have in common. */
interface SystemSegmentBase extends SegmentAttributes {
  /** The linear address of the first byte: 0 to 2^32 - 1, or to 2^64 - 1 where `bits` is 64. */
  readonly base: VirtAddr;
}

/** The descriptor of a task-state segment. That of 64 bits takes 16 bytes. */
export interface TssDescriptor extends SystemSegmentBase {
  /** Names the kind. */
  readonly type: "tss";
  /** The form of the state: 16 of the 80286, 32, or 64 in long mode. */
  readonly bits: 16 | 32 | 64;
  /**
   * The offset of the last byte, 0 to 2^32 - 1. Where not given, that of a TSS without an I/O bitmap: 0x2b for 16 bits, else
   * 0x67.
   */
  readonly limit?: number;
  /** Whether a task runs on it, or it was loaded into TR. False where not given: `ltr` takes no busy one. */
  readonly busy?: boolean;
}

/** The descriptor of a local descriptor table. That of 64 bits takes 16 bytes. */
export interface LdtDescriptor extends SystemSegmentBase {
  /** Names the kind. */
  readonly type: "ldt";
  /** 64 in long mode, else 32. */
  readonly bits: 32 | 64;
  /** The offset of the last byte: the table's size - 1. */
  readonly limit: number;
}

/** A system segment as a description gives it. */
export type SystemSegment = TssDescriptor | LdtDescriptor;

/** The limits of a TSS that is as small as it may be (SDM vol. 3A, 7.2.2, and figure 7-10 for 16 bits). */
const smallestTss = { 16: 0x2b, 32: 0x67, 64: 0x67 } as const;

/** The bit of a TSS's type that says busy (SDM vol. 3A, 7.2.2). */
const busyBit = 2;

/** The 8 or 16 bytes that describe the segment, as a number. `path` is what errors call its place. */
export function encodeSystemSegment(path: string, segment: SystemSegment): bigint {
  const row = rowOf(path, segment);
  return packFields(row.fields, fieldsOfState(stateOf(path, row, segment, 0)));
}

/** The hidden part of TR after `ltr`, which marks a TSS busy, or of LDTR after `lldt`. */
export function systemSegmentState(path: string, segment: SystemSegment, selector: number): SegmentState {
  const state = stateOf(path, rowOf(path, segment), segment, selector);
  return segment.type === "tss" ? { ...state, type: state.type | busyBit } : state;
}

function isSegmentType(row: SystemType): row is SystemSegmentType {
  return "busy" in row;
}

function rowOf(path: string, segment: SystemSegment): SystemSegmentType {
  const busy = segment.type === "tss" && (segment.busy ?? false);
  const rows = systemTypes.filter(isSegmentType).filter((each) => each.type === segment.type && each.busy === busy);
  const row = rows.find(({ bits }) => bits === segment.bits);
  if (row !== undefined) return row;
  const sizes = segment.type === "tss" ? "16, 32 or 64" : "32 or 64";
  throw new LayoutError(`${path}bits: expected ${sizes}, got ${show(segment.bits)}`, {
    code: "BAD_SEGMENT",
    value: segment.bits,
  });
}

function stateOf(path: string, row: SystemSegmentType, segment: SystemSegment, selector: number): SegmentState {
  const limit = segment.type === "tss" ? (segment.limit ?? smallestTss[segment.bits]) : segment.limit;
  checkRange(`${path}base`, segment.base, largest(row.fields.base), "BAD_SEGMENT");
  return {
    ...stateOfAttributes(path, segment, segment.base, limit, selector),
    ...{ type: row.number, s: 0, db: 0, l: 0 },
  };
}

/** The segment of a number whose type is this row, with every field given. */
export function decodeSystemSegment({ type, bits, busy, fields }: SystemSegmentType, packed: bigint): SystemSegment {
  const values = unpackFields(fields, packed);
  const segment = { bits, base: values.base, ...attributesOfFields(values) } as Omit<
    Required<TssDescriptor>,
    "type" | "busy"
  >;
  return type === "tss" ? { type, ...segment, busy } : { type, ...segment, bits: segment.bits === 64 ? 64 : 32 };
}
