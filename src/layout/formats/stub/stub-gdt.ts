/** The GDT that an entry stub loads segment registers from: the image's own may have no memory, or no physical address. */
import { hex } from "../../../core/hex.ts";
import type { CpuState, SegmentName, SegmentState } from "../../cpu-state.ts";
import { encodeSegmentState } from "../../descriptors/segment.ts";
import { EFER_LMA } from "../../../paging/index.ts";
import { LayoutError } from "../../layout-error.ts";

/** The bit of a TSS's type that says busy: `ltr` takes none that has it, and sets it (SDM vol. 3A, 7.2.2). */
const busyBit = 2;

/** The size of a descriptor, in bytes. */
const descriptorBytes = 8;

/** Bits 0 and 1 are the privilege level, bit 2 says that the LDT is meant (SDM vol. 3A, figure 3-6). */
const localSelector = 4;

/** The segment registers that a load of a selector fills. */
const loaded: readonly SegmentName[] = ["cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt"];

/** Whether a register holds a segment of the GDT; a null selector does not. */
export function isInGdt({ selector, unusable }: SegmentState): boolean {
  return unusable === 0 && selector > 3;
}

/**
 * A GDT in which each selector of an entry state has the descriptor whose load gives that state.
 *
 * @throws LayoutError `NOT_EXPORTABLE` where one selector would need two descriptors, or the LDT
 */
export function stubGdt({ segments, efer }: CpuState): Uint8Array {
  const isLong = (efer & EFER_LMA) !== 0n;
  const descriptors = new Map<number, bigint>();
  const put = (name: SegmentName, index: number, descriptor: bigint): void => {
    const other = descriptors.get(index);
    if (other !== undefined && other !== descriptor) {
      throw new LayoutError(
        `the image cannot be started by an entry stub: ${name} has selector ${hex(index * descriptorBytes)}, and so has another segment register with another segment`,
        { code: "NOT_EXPORTABLE", value: segments[name] },
      );
    }
    descriptors.set(index, descriptor);
  };
  for (const name of loaded.filter((each) => isInGdt(segments[each]))) {
    const state = segments[name];
    if ((state.selector & localSelector) !== 0) {
      throw new LayoutError(`the image cannot be started by an entry stub: ${name} has a selector of the LDT`, {
        code: "NOT_EXPORTABLE",
        value: state,
      });
    }
    const index = state.selector >> 3;
    const type = name === "tr" ? state.type & ~busyBit : state.type;
    put(name, index, encodeSegmentState({ ...state, type, base: BigInt.asUintN(32, state.base) }));
    // In long mode TSS and LDT take two entries, the second with the upper half of the base (SDM vol. 3A, 7.2.3).
    if (state.s === 0 && isLong) put(name, index + 1, state.base >> 32n);
  }
  const entries = Math.max(0, ...descriptors.keys()) + 1;
  const bytes = new Uint8Array(entries * descriptorBytes);
  const view = new DataView(bytes.buffer);
  for (const [index, descriptor] of descriptors) view.setBigUint64(index * descriptorBytes, descriptor, true);
  return bytes;
}
