/**
 * The guest of the probe: straight-line code that writes and reads a byte, in long mode, at a privilege level of choice. It has
 * no IDT: whatever it does wrong ends it. Pure data.
 */
import type { CpuState, GeneralRegisters, SegmentState } from "../../layout/cpu-state.ts";

/** Where the probe's guest does what; every address is identity-mapped. */
export const probeAddresses = { code: 0x3000n, secondInstruction: 0x3001n, data: 0x4000n } as const;

/** The size of its memory, in bytes. */
export const PROBE_MEMORY = 0x5000n;

/** nop; mov [0x4000], al; mov al, [0x4000]; hlt, which ends level 3 by a #GP. */
const code = [0x90, 0x88, 0x04, 0x25, 0x00, 0x40, 0x00, 0x00, 0x8a, 0x04, 0x25, 0x00, 0x40, 0x00, 0x00, 0xf4];

/** Present, writable, for user code too (SDM vol. 3A, 4.5.4). */
const ENTRY = 0x7n;
/** PDE.PS: a page of 2 MiB. */
const LARGE = 0x80n;

/** What lies in its memory: tables at 0, 0x1000 and 0x2000, then the code. */
export function probeChunks(): readonly { readonly at: bigint; readonly bytes: Uint8Array }[] {
  return [
    { at: 0n, bytes: tableOf(0x1000n | ENTRY) },
    { at: 0x1000n, bytes: tableOf(0x2000n | ENTRY) },
    { at: 0x2000n, bytes: tableOf(LARGE | ENTRY) },
    { at: probeAddresses.code, bytes: Uint8Array.from(code) },
  ];
}

function tableOf(firstEntry: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, firstEntry, true);
  return bytes;
}

const registers: GeneralRegisters = {
  ...{ rax: 0n, rbx: 0n, rcx: 0n, rdx: 0n, rsi: 0n, rdi: 0n, rsp: 0n, rbp: 0n },
  ...{ r8: 0n, r9: 0n, r10: 0n, r11: 0n, r12: 0n, r13: 0n, r14: 0n, r15: 0n },
  rip: probeAddresses.code,
  rflags: 2n,
};

/** Its CPU: CR0.PG and PE, CR4.PAE, EFER.LME and LMA. @param level the privilege level: 0 or 3 */
export function probeCpu(level: 0 | 3): CpuState {
  const data: SegmentState = {
    ...{ base: 0n, limit: 0xffff_ffff, selector: 0x10 | level, type: 3, present: 1, dpl: level },
    ...{ db: 1, s: 1, l: 0, g: 1, avl: 0, unusable: 0 },
  };
  const system = { ...data, selector: 0, dpl: 0, db: 0, s: 0, g: 0, limit: 0xffff } as const;
  return {
    regs: registers,
    segments: {
      cs: { ...data, selector: 0x8 | level, type: 11, db: 0, l: 1 },
      ...{ ds: data, es: data, fs: data, gs: data, ss: data },
      tr: { ...system, type: 11 },
      ldt: { ...system, type: 2 },
    },
    gdt: { base: 0n, limit: 0 },
    idt: { base: 0n, limit: 0 },
    ...{ cr0: 0x8000_0011n, cr2: 0n, cr3: 0n, cr4: 0x20n, cr8: 0n, efer: 0x500n },
  };
}
