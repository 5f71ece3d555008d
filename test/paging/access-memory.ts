/** What the guests of the access matrix find in memory: where all of it lies, descriptor tables, and the accesses to make. */
import type { Program } from "guestwright/asm";
import { encodeDescriptor, type Segment } from "guestwright/layout";
import type { MemoryChunk } from "../../src/paging/index.ts";
import { entryPoint } from "./qemu.ts";

/** Physical addresses, in bytes. */
export const at = {
  idt: 0x1000,
  tss: 0x2000,
  gdt: 0x2100,
  gdtRegister: 0x2180,
  idtRegister: 0x2188,
  features: 0x3000,
  stackTop: 0x4000,
  tables: 0x10_0000,
  target: 0x80_0000,
  records: 0x100_0000,
  results: 0x280_0000,
} as const;

/** The physical address of the page with the instructions that make the accesses, where all guests have it. */
export const touchingPage: bigint = BigInt(entryPoint + 0x1000);

/** Where that page is mapped for user mode. */
export const userAlias = 0x400_0000;

/** How far into the target's first page an access goes, in bytes. */
export const targetOffset = 0x5a8;

/** The size of a record, in bytes: what to do. */
export const recordBytes = 40;

/** The size of a result, in bytes: the vector, the error code, CR2. */
export const resultBytes = 16;

/** Selectors of the GDT. */
export const selectors = {
  code32: 0x08,
  data: 0x10,
  code64: 0x18,
  userCode32: 0x23,
  userCode64: 0x2b,
  userData: 0x33,
  tss: 0x38,
} as const;

/** The vectors that results tell; all others are `other`. */
export const vectors = { generalProtection: 13, pageFault: 14, succeeded: 0x80, other: 0xff } as const;

/** One access, and the registers that it is made under. */
export interface Cell {
  readonly cr0: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
  readonly pkru: number;
  readonly address: bigint;
  readonly kind: "read" | "write" | "fetch";
  readonly cpl: 0 | 3;
  readonly ac: boolean;
}

function chunkOf(address: number, words: readonly bigint[]): MemoryChunk {
  return { at: BigInt(address), bytes: new Uint8Array(BigUint64Array.from(words).buffer) };
}

/** GDT, IDT, TSS and the registers that point to them: all that a guest needs but its code. */
export function systemTables(long: boolean, program?: Program): MemoryChunk[] {
  const segments: Segment[] = [
    { type: "code", bits: 32 },
    { type: "data" },
    { type: "code", bits: 64 },
    { type: "code", bits: 32, dpl: 3 },
    { type: "code", bits: 64, dpl: 3 },
    { type: "data", dpl: 3 },
  ];
  const gdt = [
    0n,
    ...segments.map((each) => new DataView(encodeDescriptor(each).buffer).getBigUint64(0, true)),
    // An available TSS of 104 bytes; in long mode its upper half follows (SDM vol. 3A, 7.2.2 and 7.2.3).
    0x0000_8900_0000_0067n | (BigInt(at.tss) << 16n),
    0n,
  ];
  const gates = Array.from({ length: 256 }, (_, vector) => {
    const label = Object.entries(vectors).find(([name, each]) => each === vector && program?.labels.has(name))?.[0];
    const target = program?.labels.get(label ?? "other") ?? 0n;
    const selector = BigInt(long ? selectors.code64 : selectors.code32);
    // An interrupt gate: SDM vol. 3A, 6.11 and 6.14.1. Only INT in user mode needs DPL 3.
    const type = vector === vectors.succeeded ? 0xee00n : 0x8e00n;
    const low = (target & 0xffffn) | (selector << 16n) | (type << 32n) | ((target >> 16n) << 48n);
    return long ? [low, 0n] : [low];
  });
  // The stack of ring 0 is ESP0 and SS0 at 4 and 8, or RSP0 at 4 (SDM vol. 3A, 7.2.1 and 7.7).
  const stack = BigInt(at.stackTop) << 32n;
  return [
    chunkOf(at.gdt, gdt),
    chunkOf(at.gdtRegister, [BigInt(gdt.length * 8 - 1) | (BigInt(at.gdt) << 16n)]),
    chunkOf(at.idtRegister, [0xfffn | (BigInt(at.idt) << 16n), 0n]),
    chunkOf(at.idt, gates.flat()),
    chunkOf(at.tss, [stack, long ? 0n : BigInt(selectors.data)]),
  ];
}

/** Cells as the guest reads them. A record of zeros ends them. */
export function recordsOf(program: Program, long: boolean, cells: readonly Cell[]): Uint8Array {
  const words = new Uint32Array((cells.length + 1) * (recordBytes / 4));
  const toAlias = BigInt(userAlias) - touchingPage;
  const userCode = long ? selectors.userCode64 : selectors.userCode32;
  const code = long ? selectors.code64 : selectors.code32;
  for (const [index, { cr0, cr4, efer, pkru, address, kind, cpl, ac }] of cells.entries()) {
    const label = program.labels.get(kind)!;
    words.set(
      [
        ...[Number(cr0), Number(cr4), Number(efer), pkru],
        ...[Number(address & 0xffff_ffffn), Number(address >> 32n)],
        ...[Number(cpl === 3 ? label + toAlias : label), ac ? 0x4_0002 : 0x2],
        ...(cpl === 3 ? [userCode, selectors.userData] : [code, selectors.data]),
      ],
      index * (recordBytes / 4),
    );
  }
  return new Uint8Array(words.buffer);
}
