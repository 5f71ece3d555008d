/** Descriptors, gates and what they lead to: as data, as bytes, as text. */
export {
  decodeDescriptor,
  type Descriptor,
  descriptorSize,
  encodeDescriptor,
  type NullDescriptor,
  type TableMode,
} from "./descriptor.ts";
export { descriptorToText } from "./descriptor-text.ts";
export type { CallGate, Gate, InterruptGate, TaskGate, TrapGate } from "./gate.ts";
export type { PortRange } from "./io-permissions.ts";
export type { SegmentAttributes } from "./segment-fields.ts";
export { segmentState } from "./segment-state.ts";
export type { CodeSegment, DataSegment, Segment } from "./segment.ts";
export type { LdtDescriptor, SystemSegment, TssDescriptor } from "./system-segment.ts";
export { decodeTaskState, encodeTaskState } from "./task-state.ts";
export type { TaskState, TaskState16, TaskState32, TaskState64 } from "./task-state-types.ts";
