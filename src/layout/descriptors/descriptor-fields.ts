/** Where the fields of every kind of descriptor lie. The bits that a kind has no field for are reserved in it. */
import type { BitFields, Pieces } from "./bit-fields.ts";

/** The fields of every descriptor. S is 0 in system descriptors. */
export type AccessField = "type" | "s" | "dpl" | "present";

/** The fields of system segments. */
export type SystemSegmentField = AccessField | "limit" | "base" | "available" | "granularity";

/** The fields of code and data segments. */
export type SegmentField = SystemSegmentField | "l" | "db";

const access: BitFields<AccessField> = { type: [[40, 4]], s: [[44, 1]], dpl: [[45, 2]], present: [[47, 1]] };

/** A TSS or an LDT of 8 bytes (SDM vol. 3A, figure 7-3). */
export const systemFields: BitFields<SystemSegmentField> = {
  ...access,
  limit: [
    [0, 16],
    [48, 4],
  ],
  base: [
    [16, 24],
    [56, 8],
  ],
  available: [[52, 1]],
  granularity: [[55, 1]],
};

/** A TSS or an LDT of 16 bytes (SDM vol. 3A, figure 7-4). */
export const systemFields64: BitFields<SystemSegmentField> = {
  ...systemFields,
  base: [...systemFields.base, [64, 32]],
};

/** Code or data (SDM vol. 3A, figure 3-8). */
export const segmentFields: BitFields<SegmentField> = { ...systemFields, l: [[53, 1]], db: [[54, 1]] };

const offset16: Pieces = [[0, 16]];
const offset32: Pieces = [...offset16, [48, 16]];
const offset64: Pieces = [...offset32, [64, 32]];
const parameters: Pieces = [[32, 5]];
const ist: Pieces = [[32, 3]];

/** A task gate (SDM vol. 3A, figure 7-6). */
export const taskGateFields: BitFields = { ...access, selector: [[16, 16]] };

/** An interrupt or trap gate of 16 bits: its offset has the first word only. */
export const gateFields16: BitFields = { ...taskGateFields, offset: offset16 };

/** An interrupt or trap gate of 32 bits (SDM vol. 3A, figure 6-2). */
export const gateFields32: BitFields = { ...taskGateFields, offset: offset32 };

/** An interrupt or trap gate of 64 bits (SDM vol. 3A, figure 6-8). */
export const gateFields64: BitFields = { ...taskGateFields, offset: offset64, ist };

/** A call gate of 16 bits. */
export const callGateFields16: BitFields = { ...gateFields16, parameters };

/** A call gate of 32 bits (SDM vol. 3A, figure 5-8). */
export const callGateFields32: BitFields = { ...gateFields32, parameters };

/** A call gate of 64 bits (SDM vol. 3A, figure 5-9). */
export const callGateFields64: BitFields = { ...taskGateFields, offset: offset64 };
