/** What the descriptors of all segments share, of code and data as of the system's: SDM vol. 3A, figures 3-8 and 7-3. */
import { hex } from "../../core/hex.ts";
import type { SegmentState } from "../cpu-state.ts";
import { LayoutError } from "../layout-error.ts";
import { checkRange } from "./check-range.ts";
import type { SegmentField, SystemSegmentField } from "./descriptor-fields.ts";

/** What every segment has. */
export interface SegmentAttributes {
  /** The privilege level, 0 to 3. 0 where not given. Of a TSS: what a jump to it needs. */
  readonly dpl?: 0 | 1 | 2 | 3;
  /** Whether the segment is present. True where not given. */
  readonly present?: boolean;
  /** The bit left to software, AVL. */
  readonly available?: boolean;
  /** Whether the limit counts pages of 4 KiB (G). Where not given, it does where the limit exceeds 0xfffff. */
  readonly granularity?: "byte" | "page";
}

/** The part of a segment's state that its attributes, base, limit and selector decide. `path` is what errors call its place. */
export function stateOfAttributes(
  path: string,
  { dpl = 0, present = true, available = false, granularity }: SegmentAttributes,
  base: bigint,
  limit: number,
  selector: number,
): Omit<SegmentState, "type" | "s" | "db" | "l"> {
  checkRange(`${path}limit`, limit, 0xffff_ffff, "BAD_SEGMENT");
  checkRange(`${path}dpl`, dpl, 3, "BAD_SEGMENT");
  checkRange(`${path}selector`, selector, 0xffff, "BAD_SEGMENT");
  return {
    ...{ base, limit, selector, dpl },
    present: present ? 1 : 0,
    g: countsPages(`${path}limit`, granularity, limit) ? 1 : 0,
    avl: available ? 1 : 0,
    unusable: 0,
  };
}

function countsPages(path: string, granularity: SegmentAttributes["granularity"], limit: number): boolean {
  const pages = granularity === undefined ? limit > 0xf_ffff : granularity === "page";
  if (pages && (limit & 0xfff) !== 0xfff) {
    throw new LayoutError(`${path}: a limit that counts pages ends in 0xfff, got ${hex(limit)}`, {
      code: "BAD_SEGMENT",
      value: limit,
    });
  }
  if (!pages && limit > 0xf_ffff) {
    throw new LayoutError(`${path}: a limit that counts bytes is at most 0xfffff, got ${hex(limit)}`, {
      code: "BAD_SEGMENT",
      value: limit,
    });
  }
  return pages;
}

/** The fields of a descriptor that the state of a segment register gives. */
export function fieldsOfState(state: SegmentState): Record<SegmentField, bigint> {
  return {
    base: state.base,
    limit: BigInt(state.g === 1 ? state.limit >>> 12 : state.limit),
    type: BigInt(state.type),
    s: BigInt(state.s),
    dpl: BigInt(state.dpl),
    present: BigInt(state.present),
    available: BigInt(state.avl),
    l: BigInt(state.l),
    db: BigInt(state.db),
    granularity: BigInt(state.g),
  };
}

/** The attributes and the limit, in bytes, that the fields of a descriptor say. */
export function attributesOfFields(
  fields: Readonly<Record<SystemSegmentField, bigint>>,
): Required<SegmentAttributes> & { readonly limit: number } {
  const pages = fields.granularity === 1n;
  const limit = Number(fields.limit);
  return {
    limit: pages ? limit * 0x1000 + 0xfff : limit,
    dpl: Number(fields.dpl) as 0 | 1 | 2 | 3,
    present: fields.present === 1n,
    available: fields.available === 1n,
    granularity: pages ? "page" : "byte",
  };
}
