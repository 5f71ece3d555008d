/**
 * Every descriptor of the GDT, an LDT and the IDT as plain data, and as bytes. Code and data segments: SDM vol. 3A, 3.4.5;
 * TSS: 7.2.2 and 7.2.3; LDT: 3.5; call gates: 5.8.3; interrupt and trap gates: 6.11 and 6.14.1; task gates: 7.2.5.
 */
import { hex } from "../../core/hex.ts";
import { show } from "../../core/show.ts";
import { LayoutError } from "../layout-error.ts";
import { strayBits, unpackFields } from "./bit-fields.ts";
import { decodeGate, encodeGate, type Gate } from "./gate.ts";
import { segmentFields } from "./descriptor-fields.ts";
import { codeOrDataState, decodeSegment, encodeSegmentState, type Segment } from "./segment.ts";
import { decodeSystemSegment, encodeSystemSegment, type SystemSegment } from "./system-segment.ts";
import { systemTypes, type SystemType } from "./system-types.ts";

/** An entry that is all zeros: the first of a GDT, and any that is left free. */
export interface NullDescriptor {
  /** Names the kind. */
  readonly type: "null";
}

/** A descriptor as data: `type` tells the kinds apart, and `bits` the sizes of one kind. */
export type Descriptor = NullDescriptor | Segment | SystemSegment | Gate;

/** How the CPU that reads a table takes it. */
export interface TableMode {
  /**
   * Whether it is in IA-32e mode (EFER.LMA set): there a TSS, an LDT and every gate take 16 bytes, and the types of 16 bits
   * are reserved (SDM vol. 3A, table 3-2).
   */
  readonly long: boolean;
}

/** The size of a descriptor in bytes: 16 for system segments and gates of 64 bits, else 8. */
export function descriptorSize(descriptor: Descriptor): 8 | 16 {
  return descriptor.type !== "code" && "bits" in descriptor && descriptor.bits === 64 ? 16 : 8;
}

/**
 * The 8 or 16 bytes of a descriptor, as they lie in its table.
 *
 * @param path what errors call the place of the descriptor, such as `gdt.segments.tss.`: empty, or with a dot at its end
 * @throws LayoutError `BAD_SEGMENT` or `BAD_GATE` where the descriptor has no room for a field, or is of no known kind
 * @example
 * ```ts
 * encodeDescriptor({ type: "code", bits: 64 }); // ff ff 00 00 00 9b af 00
 * ```
 */
export function encodeDescriptor(descriptor: Descriptor, path = ""): Uint8Array {
  const bytes = new Uint8Array(descriptorSize(descriptor));
  const view = new DataView(bytes.buffer);
  const packed = pack(descriptor, path);
  view.setBigUint64(0, packed, true);
  if (bytes.length === 16) view.setBigUint64(8, packed >> 64n, true);
  return bytes;
}

function pack(descriptor: Descriptor, path: string): bigint {
  switch (descriptor.type) {
    case "null":
      return 0n;
    case "code":
    case "data":
      return encodeSegmentState(codeOrDataState(path, descriptor, 0));
    case "tss":
    case "ldt":
      return encodeSystemSegment(path, descriptor);
    case "call-gate":
    case "interrupt-gate":
    case "trap-gate":
    case "task-gate":
      return encodeGate(path, descriptor);
  }
  const { type } = descriptor as { readonly type: unknown };
  throw new LayoutError(`${path}type: no descriptor is of type ${show(type)}`, {
    code: "BAD_SEGMENT",
    value: type,
    hint: `there is null, code, data, ${[...new Set(systemTypes.map((each) => each.type))].join(", ")}`,
  });
}

/**
 * What a descriptor says, with every field given: encoding it gives the same bytes.
 *
 * @param bytes 8 bytes, or 16 of a system segment or gate in a table of long mode; more are ignored
 * @throws LayoutError `NOT_DECODABLE` for a reserved type, a reserved bit that is set, or too few bytes
 */
export function decodeDescriptor(bytes: Uint8Array, { long }: TableMode): Descriptor {
  const low = readQuadword(bytes, 0);
  if (low === 0n) return { type: "null" };
  const { s, type } = unpackFields(segmentFields, low);
  if (s === 1n) return decodeSegment(low);
  const row = systemTypes.find((each) => each.number === Number(type) && (each.bits === 64) === long);
  if (row === undefined) {
    const mode = long ? "in long mode" : "outside of long mode";
    throw new LayoutError(`${hex(low, 16)}: system type ${type} is reserved ${mode}`, {
      code: "NOT_DECODABLE",
      value: low,
    });
  }
  const packed = long ? low | (readQuadword(bytes, 8) << 64n) : low;
  checkReserved(row, packed);
  return "busy" in row ? decodeSystemSegment(row, packed) : decodeGate(row, packed);
}

function readQuadword(bytes: Uint8Array, at: number): bigint {
  if (bytes.length < at + 8) {
    throw new LayoutError(`expected a descriptor of ${at + 8} bytes, got ${bytes.length}`, {
      code: "NOT_DECODABLE",
      value: bytes,
    });
  }
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at, true);
}

function checkReserved({ fields, name, bits }: SystemType, packed: bigint): void {
  const stray = strayBits(fields, packed);
  if (stray.length === 0) return;
  throw new LayoutError(
    `${hex(packed, bits === 64 ? 32 : 16)}: reserved in ${name}, but set: ${stray.length === 1 ? "bit" : "bits"} ${stray.join(", ")}`,
    {
      code: "NOT_DECODABLE",
      value: packed,
    },
  );
}
