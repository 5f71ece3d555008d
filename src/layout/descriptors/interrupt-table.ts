/** The interrupt descriptor table: gates by vector. SDM vol. 3A, 6.10 and 6.14.1. */
import { show } from "../../core/show.ts";
import { LayoutError } from "../layout-error.ts";
import { encodeDescriptor, type TableMode } from "./descriptor.ts";
import { tryDecode } from "./descriptor-table.ts";
import type { Gate, InterruptGate, TaskGate, TrapGate } from "./gate.ts";

/** A gate that an IDT may hold; in long mode those of 64 bits. */
export type IdtGate = InterruptGate | TrapGate | TaskGate;

/** Gates by vector, 0 to 255. Where one is missing, its vector's exception raises #GP. */
export type IdtGates = Readonly<Record<number, IdtGate>>;

/** How an IDT is written. */
export interface IdtOptions extends TableMode {
  /** Whether the table ends with its last gate, or always has 256 entries. `"full"` where not given. */
  readonly size?: "full" | "minimal";
}

/** What an IDT holds. */
export interface DecodedIdt {
  /** The gates, with every field given. Entries of zeros are left out. */
  readonly gates: IdtGates;
  /** The entries that are no gate, and why. */
  readonly problems: readonly { readonly vector: number; readonly problem: string }[];
}

/** The number of vectors. */
const vectorCount = 256;

/** The types of an IDT's gates (SDM vol. 3A, 6.11). */
const gateTypes: ReadonlySet<string> = new Set<Gate["type"]>(["interrupt-gate", "trap-gate", "task-gate"]);

/**
 * The bytes of an IDT: 16 for each gate in long mode, else 8. Its limit is their number - 1.
 *
 * @param path what errors call the place of the table, such as `idt.`: empty, or with a dot at its end
 * @throws LayoutError `BAD_GATE` for a vector beyond 255, for a gate that the mode lacks, and for fields that do not fit
 * @example
 * ```ts
 * const gate = { type: "interrupt-gate", bits: 64, selector: 0x08, offset: 0x1000n } as const;
 * encodeIdt({ [exceptionVectors["#PF"].vector]: gate }, { long: true }); // 4096 bytes
 * ```
 */
export function encodeIdt(gates: IdtGates, { long, size = "full" }: IdtOptions, path = ""): Uint8Array {
  const entries = Object.entries(gates);
  for (const [vector, gate] of entries) checkGate(`${path}${vector}`, vector, gate, long);
  const count =
    size === "full" ? vectorCount : entries.reduce((most, [vector]) => Math.max(most, Number(vector) + 1), 0);
  const entrySize = long ? 16 : 8;
  const bytes = new Uint8Array(count * entrySize);
  for (const [vector, gate] of entries) {
    bytes.set(encodeDescriptor(gate, `${path}${vector}.`), Number(vector) * entrySize);
  }
  return bytes;
}

function checkGate(path: string, vector: string, gate: IdtGate, long: boolean): void {
  if (!/^\d+$/.test(vector) || Number(vector) >= vectorCount) {
    throw new LayoutError(`${path}: a vector is 0 to 255`, { code: "BAD_GATE", value: vector });
  }
  if (!gateTypes.has(gate.type)) {
    throw new LayoutError(`${path}.type: an IDT holds interrupt, trap and task gates, got ${show(gate.type)}`, {
      code: "BAD_GATE",
      value: gate.type,
    });
  }
  const isLong = gate.type !== "task-gate" && gate.bits === 64;
  if (isLong === long) return;
  const problem = gate.type === "task-gate" ? "long mode has no task gates" : `got one of ${gate.bits} bits`;
  throw new LayoutError(`${path}: expected a gate of ${long ? "64 bits" : "16 or 32 bits"}: ${problem}`, {
    code: "BAD_GATE",
    value: gate,
  });
}

/**
 * What an IDT holds. Entries that are no gates are told apart from the gates: a guest's table is seldom perfect.
 *
 * @param bytes the table up to its limit; a rest that is shorter than an entry is ignored, as the CPU does
 */
export function decodeIdt(bytes: Uint8Array, { long }: TableMode): DecodedIdt {
  const gates: Record<number, IdtGate> = {};
  const problems: { vector: number; problem: string }[] = [];
  const size = long ? 16 : 8;
  const count = Math.min(Math.floor(bytes.length / size), vectorCount);
  for (let vector = 0; vector < count; vector += 1) {
    const { descriptor, problem } = tryDecode(bytes.subarray(vector * size, (vector + 1) * size), { long });
    if (problem !== undefined) problems.push({ vector, problem });
    else if (gateTypes.has(descriptor!.type)) gates[vector] = descriptor as IdtGate;
    else if (descriptor!.type !== "null") problems.push({ vector, problem: `an IDT holds no ${descriptor!.type}` });
  }
  return { gates, problems };
}
