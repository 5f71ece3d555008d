/** The types of system descriptors: SDM vol. 3A, table 3-2. */
import type { BitFields } from "./bit-fields.ts";
import {
  type SystemSegmentField,
  callGateFields16,
  callGateFields32,
  callGateFields64,
  gateFields16,
  gateFields32,
  gateFields64,
  systemFields,
  systemFields64,
  taskGateFields,
} from "./descriptor-fields.ts";

/** What the types of a row have in common. */
interface SystemTypeBase {
  /** The type field. */
  readonly number: number;
  /** How descriptors of this type say their size as data; `undefined` for those that have one only. */
  readonly bits: 16 | 32 | 64 | undefined;
  /** In words. */
  readonly name: string;
}

/** A type of a segment. */
export interface SystemSegmentType extends SystemTypeBase {
  /** How descriptors of this type are named as data. */
  readonly type: "tss" | "ldt";
  /** Whether it is a busy TSS. */
  readonly busy: boolean;
  /** Where the fields lie. */
  readonly fields: BitFields<SystemSegmentField>;
}

/** A type of a gate. */
export interface GateType extends SystemTypeBase {
  /** How descriptors of this type are named as data. */
  readonly type: "call-gate" | "interrupt-gate" | "trap-gate" | "task-gate";
  /** Where the fields lie. */
  readonly fields: BitFields;
}

/** A row: a value of the type field, among those of 64 bits in long mode, else among the others. */
export type SystemType = SystemSegmentType | GateType;

/** The rows. What has 64 bits takes 16 bytes, the others 8. The types that are not here are reserved. */
export const systemTypes: readonly SystemType[] = [
  { number: 1, type: "tss", bits: 16, busy: false, fields: systemFields, name: "a 16-bit TSS" },
  { number: 2, type: "ldt", bits: 32, busy: false, fields: systemFields, name: "an LDT" },
  { number: 3, type: "tss", bits: 16, busy: true, fields: systemFields, name: "a 16-bit TSS" },
  { number: 4, type: "call-gate", bits: 16, fields: callGateFields16, name: "a 16-bit call gate" },
  { number: 5, type: "task-gate", bits: undefined, fields: taskGateFields, name: "a task gate" },
  { number: 6, type: "interrupt-gate", bits: 16, fields: gateFields16, name: "a 16-bit interrupt gate" },
  { number: 7, type: "trap-gate", bits: 16, fields: gateFields16, name: "a 16-bit trap gate" },
  { number: 9, type: "tss", bits: 32, busy: false, fields: systemFields, name: "a 32-bit TSS" },
  { number: 11, type: "tss", bits: 32, busy: true, fields: systemFields, name: "a 32-bit TSS" },
  { number: 12, type: "call-gate", bits: 32, fields: callGateFields32, name: "a 32-bit call gate" },
  { number: 14, type: "interrupt-gate", bits: 32, fields: gateFields32, name: "a 32-bit interrupt gate" },
  { number: 15, type: "trap-gate", bits: 32, fields: gateFields32, name: "a 32-bit trap gate" },
  { number: 2, type: "ldt", bits: 64, busy: false, fields: systemFields64, name: "a 64-bit LDT" },
  { number: 9, type: "tss", bits: 64, busy: false, fields: systemFields64, name: "a 64-bit TSS" },
  { number: 11, type: "tss", bits: 64, busy: true, fields: systemFields64, name: "a 64-bit TSS" },
  { number: 12, type: "call-gate", bits: 64, fields: callGateFields64, name: "a 64-bit call gate" },
  { number: 14, type: "interrupt-gate", bits: 64, fields: gateFields64, name: "a 64-bit interrupt gate" },
  { number: 15, type: "trap-gate", bits: 64, fields: gateFields64, name: "a 64-bit trap gate" },
];
