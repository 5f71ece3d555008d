/** What a segment register, TR or LDTR holds after a load. */
import type { SegmentState } from "../cpu-state.ts";
import { codeOrDataState, type Segment } from "./segment.ts";
import { systemSegmentState, type SystemSegment } from "./system-segment.ts";

/**
 * The hidden part that a register has after a load of this segment's selector, as `struct kvm_segment` holds it: a segment
 * register, TR after `ltr` (the TSS is busy then) or LDTR after `lldt`.
 *
 * @param selector 0 to 0xffff
 * @throws LayoutError `BAD_SEGMENT` where the descriptor has no room for a field
 * @example
 * ```ts
 * segmentState({ type: "tss", bits: 64, base: 0x7000n }, 0x18).type; // 11
 * ```
 */
export function segmentState(segment: Segment | SystemSegment, selector: number): SegmentState {
  return segmentStateAt("", segment, selector);
}

/** The same, where errors name the place of the segment in a description: `path` ends in a dot. */
export function segmentStateAt(path: string, segment: Segment | SystemSegment, selector: number): SegmentState {
  return segment.type === "tss" || segment.type === "ldt"
    ? systemSegmentState(path, segment, selector)
    : codeOrDataState(path, segment, selector);
}
