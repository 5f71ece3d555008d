/** Gates: the descriptors that lead to code. SDM vol. 3A, 5.8.3 (call), 6.11 and 6.14.1 (interrupt, trap), 7.2.5 (task). */
import type { VirtAddr } from "../../core/address.ts";
import { show } from "../../core/show.ts";
import { LayoutError } from "../layout-error.ts";
import { largest, packFields, unpackFields } from "./bit-fields.ts";
import { checkRange } from "./check-range.ts";
import { systemTypes, type GateType } from "./system-types.ts";

/** What all gates have. */
interface GateBase {
  /** The code segment, or of a task gate the TSS: 0 to 0xffff. */
  readonly selector: number;
  /** The privilege that `int`, `call` or `jmp` needs to use it, 0 to 3. 0 where not given. */
  readonly dpl?: 0 | 1 | 2 | 3;
  /** Whether it is present. True where not given. */
  readonly present?: boolean;
}

/** What gates to code have. */
interface CodeGateBase extends GateBase {
  /** The offset in the code segment of the first instruction: 0 to 2^`bits` - 1. */
  readonly offset: VirtAddr;
}

/** What the gates of an IDT have: those of 64 bits may name a stack. */
type InterruptGateBase = CodeGateBase &
  (
    | { readonly bits: 16 | 32 }
    | {
        readonly bits: 64;
        /** Which stack of the TSS's interrupt stack table is used, 1 to 7. 0 where not given: none of them. */
        readonly ist?: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
      }
  );

/** A call gate. One of 64 bits takes 16 bytes, and copies no parameters. */
export type CallGate = CodeGateBase & { readonly type: "call-gate" } & (
    | {
        readonly bits: 16 | 32;
        /** How many words (doublewords in 32 bits) are copied from the caller's stack, 0 to 31. 0 where not given. */
        readonly parameters?: number;
      }
    | { readonly bits: 64 }
  );

/** An interrupt gate: it clears the interrupt flag. */
export type InterruptGate = InterruptGateBase & { readonly type: "interrupt-gate" };

/** A trap gate: it leaves the interrupt flag as it is. */
export type TrapGate = InterruptGateBase & { readonly type: "trap-gate" };

/** A gate to a task; long mode has none. */
export interface TaskGate extends GateBase {
  /** Names the kind. */
  readonly type: "task-gate";
}

/** A gate as a description gives it. */
export type Gate = CallGate | InterruptGate | TrapGate | TaskGate;

/** A field as it stands in a description. */
interface GateField {
  /** What it is where not given; `undefined` where it must be given. */
  readonly absent?: number | boolean;
  readonly is: "number" | "bigint" | "boolean";
}

const gateFields: Readonly<Record<string, GateField>> = {
  selector: { is: "number" },
  offset: { is: "bigint" },
  parameters: { is: "number", absent: 0 },
  ist: { is: "number", absent: 0 },
  dpl: { is: "number", absent: 0 },
  present: { is: "boolean", absent: true },
};

/** The gate as a number of 8 or 16 bytes. `path` is what errors call its place. */
export function encodeGate(path: string, gate: Gate): bigint {
  const row = gateType(path, gate);
  const values: Record<string, bigint> = { type: BigInt(row.number), s: 0n };
  for (const [name, { is, absent }] of Object.entries(gateFields)) {
    const given: unknown = gate[name as keyof Gate];
    const pieces = row.fields[name];
    if (pieces === undefined) {
      if (given === undefined) continue;
      throw badGate(`${path}${name}: ${row.name} has no such field`, given);
    }
    const value = given ?? absent;
    if (is === "boolean") {
      if (typeof value !== "boolean")
        throw badGate(`${path}${name}: expected true or false, got ${show(value)}`, value);
    } else {
      const most = largest(pieces);
      checkRange(`${path}${name}`, value, is === "bigint" ? most : Number(most), "BAD_GATE");
    }
    values[name] = BigInt(value as number | bigint | boolean);
  }
  return packFields(row.fields, values);
}

function gateType(path: string, gate: Gate): GateType {
  const bits = "bits" in gate ? gate.bits : undefined;
  const rows = systemTypes.filter((each): each is GateType => each.type === gate.type);
  const row = rows.find((each) => each.bits === bits);
  if (row !== undefined) return row;
  throw gate.type === "task-gate"
    ? badGate(`${path}bits: a task gate has no such field`, bits)
    : badGate(`${path}bits: expected 16, 32 or 64, got ${show(bits)}`, bits);
}

/** The gate of a number whose type is this row, with every field given. */
export function decodeGate(row: GateType, packed: bigint): Gate {
  const gate: Record<string, unknown> = { type: row.type };
  if (row.bits !== undefined) gate["bits"] = row.bits;
  const values = unpackFields(row.fields, packed);
  for (const [name, { is }] of Object.entries(gateFields)) {
    const value = values[name];
    if (value !== undefined) gate[name] = is === "bigint" ? value : is === "number" ? Number(value) : value === 1n;
  }
  return gate as unknown as Gate;
}

function badGate(message: string, value: unknown): LayoutError {
  return new LayoutError(message, { code: "BAD_GATE", value });
}
