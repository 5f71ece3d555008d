/** Descriptors, gates and what they lead to: as data, as bytes, as text. */
export {
  decodeDescriptor,
  type Descriptor,
  descriptorSize,
  encodeDescriptor,
  type NullDescriptor,
  type TableMode,
} from "./descriptor.ts";
export {
  decodeDescriptorTable,
  descriptorOffsets,
  type DescriptorTableEntry,
  encodeDescriptorTable,
} from "./descriptor-table.ts";
export { descriptorToText } from "./descriptor-text.ts";
export { exceptionFrame32, exceptionFrame64 } from "./exception-frame.ts";
export {
  type ExceptionHandlers,
  exceptionStubs,
  type ExceptionStubs,
  type KnownVectors,
  stubLabel,
  type StubLabel,
  type VectorName,
  vectorOf,
} from "./exception-stubs.ts";
export {
  type Exception,
  type ExceptionClass,
  type ExceptionName,
  exceptionName,
  exceptionVectors,
  pushesErrorCode,
} from "./exception-vectors.ts";
export type { CallGate, Gate, InterruptGate, TaskGate, TrapGate } from "./gate.ts";
export {
  decodeIdt,
  type DecodedIdt,
  encodeIdt,
  type IdtGate,
  type IdtGates,
  type IdtOptions,
} from "./interrupt-table.ts";
export { decodeIvt, encodeIvt, type RealModeVector } from "./interrupt-vectors.ts";
export type { PortRange } from "./io-permissions.ts";
export { decodePseudoDescriptor, pseudoDescriptor } from "./pseudo-descriptor.ts";
export type { SegmentAttributes } from "./segment-fields.ts";
export { segmentState } from "./segment-state.ts";
export type { CodeSegment, DataSegment, Segment } from "./segment.ts";
export type { LdtDescriptor, SystemSegment, TssDescriptor } from "./system-segment.ts";
export { decodeTaskState, encodeTaskState } from "./task-state.ts";
export type { TaskState, TaskState16, TaskState32, TaskState64 } from "./task-state-types.ts";
