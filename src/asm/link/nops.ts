/**
 * Instructions that do nothing, to fill gaps in code that may run. In 64-bit code these are the manual's multi-byte NOPs
 * (SDM vol. 2B, NOP, table 4-12); in 16- and 32-bit code, where the CPU may be older than those, LEA of a register into
 * itself. They are the ones that GNU as chooses, and so is the jump over a gap that would take too many of them.
 */
import type { Mode } from "../mode.ts";

interface NopTable {
  /** By length in bytes, from 1. */
  readonly patterns: readonly string[];
  /** A gap of more whole patterns than this is jumped over. */
  readonly most: number;
}

const lea16: NopTable = { patterns: ["90", "6690", "8d7400", "8db40000"], most: 2 };
const lea32: NopTable = {
  patterns: ["90", "6690", "8d7600", "8d742600", "8d74260090", "8db600000000", "8db42600000000"],
  most: 2,
};
const nop64: NopTable = {
  patterns: [
    "90",
    "6690",
    "0f1f00",
    "0f1f4000",
    "0f1f440000",
    "660f1f440000",
    "0f1f8000000000",
    "0f1f840000000000",
    "660f1f840000000000",
    "662e0f1f840000000000",
    "66662e0f1f840000000000",
  ],
  most: 7,
};

const tables: Readonly<Record<Mode, NopTable>> = { 16: lea16, 32: lea32, 64: nop64 };

/** `size` bytes of instructions that do nothing in code of a mode. */
export function nops(mode: Mode, size: number): Uint8Array {
  const { patterns, most } = tables[mode];
  const bytes = new Uint8Array(size);
  let at = 0;
  if (Math.floor(size / patterns.length) > most) {
    const jump = jumpOver(mode, size);
    bytes.set(jump);
    at = jump.length;
  }
  while (at < size) {
    const length = Math.min(size - at, patterns.length);
    bytes.set(fromHex(patterns[length - 1]!), at);
    at += length;
  }
  return bytes;
}

/** A jump to the end of a gap: two bytes where they reach. */
function jumpOver(mode: Mode, size: number): Uint8Array {
  if (size - 2 <= 0x7f) return Uint8Array.of(0xeb, size - 2);
  // In 16-bit code the operand-size prefix makes the distance 32 bits wide.
  const opcode = mode === 16 ? [0x66, 0xe9] : [0xe9];
  const distance = size - opcode.length - 4;
  return Uint8Array.of(...opcode, ...[0, 8, 16, 24].map((shift) => (distance >>> shift) & 0xff));
}

function fromHex(text: string): readonly number[] {
  return text.match(/../g)!.map((byte) => Number.parseInt(byte, 16));
}
