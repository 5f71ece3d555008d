/**
 * Segments: from one description come the descriptor's eight bytes and the segment register with its hidden part.
 * Code and data descriptors: SDM vol. 3A, 3.4.5.
 */
import { hex } from "../../core/hex.ts";
import type { SegmentState } from "../cpu-state.ts";
import { LayoutError } from "../layout-error.ts";

/** What code and data segments have in common. */
interface SegmentBase {
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
  /** The privilege level, 0 to 3. 0 where not given. */
  readonly dpl?: 0 | 1 | 2 | 3;
  /** Whether the segment is present. True where not given. */
  readonly present?: boolean;
  /** Accessed, as if a register had been loaded with it already. True where not given: VT-x wants it at entry. */
  readonly accessed?: boolean;
  /** The bit left to software, AVL. */
  readonly available?: boolean;
  /** Whether the limit counts pages of 4 KiB (G). Where not given, it does where the limit exceeds 0xfffff. */
  readonly granularity?: "byte" | "page";
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

/**
 * The hidden part that a segment register has after a load of this segment's selector, as `struct kvm_segment` holds it.
 *
 * @param selector 0 to 0xffff
 * @throws LayoutError `BAD_SEGMENT` where the descriptor has no room for a field
 */
export function segmentState(segment: Segment, selector: number): SegmentState {
  return segmentStateAt("", segment, selector);
}

/** The same, where errors name the place of the segment in a description: `path` ends in a dot. */
export function segmentStateAt(path: string, segment: Segment, selector: number): SegmentState {
  const { base = 0, dpl = 0, present = true, accessed = true, available = false, granularity } = segment;
  const limit = segment.limit ?? (granularity === "byte" ? 0xf_ffff : 0xffff_ffff);
  checkRange(`${path}base`, base, 0xffff_ffff);
  checkRange(`${path}limit`, limit, 0xffff_ffff);
  checkRange(`${path}dpl`, dpl, 3);
  checkRange(`${path}selector`, selector, 0xffff);
  const isCode = segment.type === "code";
  const readsOrWrites = (isCode ? segment.readable : segment.writable) ?? true;
  const conformsOrExpandsDown = (isCode ? segment.conforming : segment.expandDown) ?? false;
  return {
    base: BigInt(base),
    limit,
    selector,
    type:
      (isCode ? typeBits.code : 0) |
      (conformsOrExpandsDown ? typeBits.expandDownOrConforming : 0) |
      (readsOrWrites ? typeBits.writableOrReadable : 0) |
      (accessed ? typeBits.accessed : 0),
    present: present ? 1 : 0,
    dpl,
    db: (segment.bits ?? 32) === 32 ? 1 : 0,
    s: 1,
    l: segment.bits === undefined || segment.type === "data" ? 0 : segment.bits === 64 ? 1 : 0,
    g: countsPages(`${path}limit`, granularity, limit) ? 1 : 0,
    avl: available ? 1 : 0,
    unusable: 0,
  };
}

function countsPages(path: string, granularity: Segment["granularity"], limit: number): boolean {
  const pages = granularity === undefined ? limit > 0xf_ffff : granularity === "page";
  if (pages && (limit & 0xfff) !== 0xfff) {
    throw badSegment(`${path}: a limit that counts pages ends in 0xfff, got ${hex(limit)}`, limit);
  }
  if (!pages && limit > 0xf_ffff) {
    throw badSegment(`${path}: a limit that counts bytes is at most 0xfffff, got ${hex(limit)}`, limit);
  }
  return pages;
}

function checkRange(path: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= most) return;
  const got = Number.isSafeInteger(value) ? hex(value) : String(value);
  throw badSegment(`${path}: expected 0 to ${hex(most)}, got ${got}`, value);
}

function badSegment(message: string, value: unknown): LayoutError {
  return new LayoutError(message, { code: "BAD_SEGMENT", value });
}

/**
 * The descriptor of a segment register's hidden part, as the eight bytes in the GDT hold it.
 *
 * @example
 * ```ts
 * encodeDescriptor(segmentState({ type: "code", bits: 64 }, 0x08)); // 0x00af9b000000ffffn
 * ```
 */
export function encodeDescriptor(state: SegmentState): bigint {
  const limit = BigInt(state.g === 1 ? state.limit >>> 12 : state.limit);
  const access = state.type | (state.s << 4) | (state.dpl << 5) | (state.present << 7);
  const flags = state.avl | (state.l << 1) | (state.db << 2) | (state.g << 3);
  return (
    (limit & 0xffffn) |
    ((state.base & 0xff_ffffn) << 16n) |
    (BigInt(access) << 40n) |
    ((limit >> 16n) << 48n) |
    (BigInt(flags) << 52n) |
    (((state.base >> 24n) & 0xffn) << 56n)
  );
}

/**
 * The hidden part that a load of `selector` would give, read from a code or data descriptor.
 *
 * @param descriptor the eight bytes as a little-endian number
 * @throws LayoutError `BAD_SEGMENT` for a system descriptor (S clear)
 */
export function decodeDescriptor(descriptor: bigint, selector: number): SegmentState {
  const bits = (from: number, count: number): number => Number(BigInt.asUintN(count, descriptor >> BigInt(from)));
  if (bits(44, 1) === 0)
    throw badSegment(`${hex(descriptor, 16)} is a system descriptor, not of code or data`, descriptor);
  const limit = bits(0, 16) | (bits(48, 4) << 16);
  return {
    base: BigInt(bits(16, 24)) | (BigInt(bits(56, 8)) << 24n),
    limit: bits(55, 1) === 1 ? limit * 0x1000 + 0xfff : limit,
    selector,
    type: bits(40, 4),
    present: bits(47, 1) as 0 | 1,
    dpl: bits(45, 2) as SegmentState["dpl"],
    db: bits(54, 1) as 0 | 1,
    s: 1,
    l: bits(53, 1) as 0 | 1,
    g: bits(55, 1) as 0 | 1,
    avl: bits(52, 1) as 0 | 1,
    unusable: 0,
  };
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
