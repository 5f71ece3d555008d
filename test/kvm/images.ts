/** Guests written by hand, byte by byte, so that these tests rest on no other module. */
import type { LoadableImage } from "../../src/kvm/index.ts";
import type { CpuState, GeneralRegisters, SegmentState } from "../../src/layout/cpu-state.ts";

const registerNames = [
  ...["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp"],
  ...["r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip"],
] as (keyof GeneralRegisters)[];

export const zeroRegisters: GeneralRegisters = {
  ...(Object.fromEntries(registerNames.map((name) => [name, 0n])) as unknown as GeneralRegisters),
  rflags: 2n,
};

/** A data segment as real mode has it. */
export const dataSegment: SegmentState = {
  base: 0n,
  limit: 0xffff,
  selector: 0,
  type: 3,
  present: 1,
  dpl: 0,
  db: 0,
  s: 1,
  l: 0,
  g: 0,
  avl: 0,
  unusable: 0,
};

export const realModeCpu: CpuState = {
  regs: zeroRegisters,
  segments: {
    cs: { ...dataSegment, type: 11 },
    ds: dataSegment,
    es: dataSegment,
    fs: dataSegment,
    gs: dataSegment,
    ss: dataSegment,
    tr: { ...dataSegment, type: 11, s: 0 },
    ldt: { ...dataSegment, type: 2, s: 0 },
  },
  gdt: { base: 0n, limit: 0xffff },
  idt: { base: 0n, limit: 0x3ff },
  cr0: 0x10n,
  cr2: 0n,
  cr3: 0n,
  cr4: 0n,
  cr8: 0n,
  efer: 0n,
};

const longSegment: SegmentState = { ...dataSegment, limit: 0, selector: 0x10 };

/** CR0.PG and PE, CR4.PAE, EFER.LME and LMA, tables at 0; the seed's descriptors, with the accessed bit. */
export const longModeCpu: CpuState = {
  ...realModeCpu,
  segments: {
    ...realModeCpu.segments,
    cs: { ...dataSegment, limit: 0, selector: 8, type: 11, l: 1 },
    ds: longSegment,
    es: longSegment,
    fs: longSegment,
    gs: longSegment,
    ss: longSegment,
  },
  cr0: 0x8000_0001n,
  cr4: 0x20n,
  efer: 0x500n,
};

const bytesOf = (text: string): number[] => [...Buffer.from(text, "latin1")];
const le16 = (value: number): number[] => [value & 0xff, value >> 8];

/** 16-bit code at physical 0, with 4 KiB of memory. */
export function realMode(...code: readonly number[]): LoadableImage {
  return {
    memory: [{ name: "ram", kind: "ram", at: 0n, size: 0x1000n }],
    chunks: [{ name: "code", at: 0n, bytes: Uint8Array.from(code) }],
    cpu: realModeCpu,
  };
}

/** 64-bit code at virtual 0, physical 0x4000, with the seed's tables: five pages of 4 KiB, the first read-only. */
export function longMode(...code: readonly number[]): LoadableImage {
  const tables = new Uint8Array(0x4000);
  const entries = new DataView(tables.buffer);
  for (const [at, entry] of [
    [0x0000, 0x1003],
    [0x1000, 0x2003],
    [0x2000, 0x3003],
    [0x3000, 0x4001],
    [0x3008, 0x5003],
    [0x3010, 0x6003],
    [0x3018, 0x7003],
    [0x3020, 0x8003],
  ] as const) {
    entries.setUint32(at, entry, true);
  }
  return {
    memory: [{ name: "ram", kind: "ram", at: 0n, size: 0x8000n }],
    chunks: [
      { name: "page tables", at: 0n, bytes: tables },
      { name: "code", at: 0x4000n, bytes: Uint8Array.from(code) },
    ],
    cpu: longModeCpu,
  };
}

/** The seed's guest in real mode. */
export function seedRealMode(): LoadableImage {
  const message = bytesOf("Hello from Real Mode!\n\0");
  const codeSize = 29;
  const at = { message: codeSize, length: codeSize + message.length, input: codeSize + message.length + 2 };
  const code = [
    ...[0xba, ...le16(0x1000)], // mov dx, 0x1000
    ...[0xbe, ...le16(at.message)], // mov si, message
    ...[0x8b, 0x0e, ...le16(at.length)], // mov cx, [length]
    ...[0xf3, 0x6e], // rep outsb
    ...[0xba, ...le16(0x1000)], // mov dx, 0x1000
    ...[0xbf, ...le16(at.input)], // mov di, input
    0x6c, // insb
    ...[0xc6, 0x06, ...le16(0x2000), 0xaa], // mov byte [0x2000], 0xaa
    ...[0xa0, ...le16(0x2000)], // mov al, [0x2000]
    0xf4, // hlt
    0x90, // nop
  ];
  return realMode(...code, ...message, ...le16(message.length), 0);
}

/** The seed's guest in long mode. */
export function seedLongMode(): LoadableImage {
  const message = bytesOf("Hello from Long Mode!\n\0");
  const codeSize = 0x68;
  const rel = (target: number, next: number): number[] => [target - next, 0, 0, 0];
  const store = (address: number, value: number): number[] => [0xc6, 0x04, 0x25, ...le16(address), 0, 0, value];
  const length = codeSize + message.length;
  const code = [
    ...[0x48, 0xc7, 0xc2, 0x00, 0x10, 0x00, 0x00], // mov rdx, 0x1000
    ...[0x48, 0x8d, 0x35, ...rel(codeSize, 14)], // lea rsi, [rip + message]
    ...[0x48, 0x8b, 0x0d, ...rel(length, 21)], // mov rcx, [rip + length]
    ...[0xf3, 0x6e], // rep outsb
    ...[0x66, 0xba, 0x00, 0x10], // mov dx, 0x1000
    ...[0x66, 0x8d, 0x3d, ...rel(length + 1, 34)], // lea di, [rip + input]
    0x6c, // insb
    ...[0, 1, 2, 3].flatMap((byte) => store(0x2000 + byte, [0xaa, 0xbb, 0xcc, 0xdd][byte]!)),
    ...[0, 1, 2, 3].flatMap((byte) => store(0x4000 + byte, [0x12, 0x34, 0x56, 0x78][byte]!)),
    0xf4, // hlt
  ];
  return longMode(...code, ...Array<number>(codeSize - code.length).fill(0x90), ...message, message.length);
}

/** `cli; jmp $` in real mode. */
export const spinning: LoadableImage = realMode(0xfa, 0xeb, 0xfe);

/** In real mode: writes AL, counting up from 0, to port 0x10, for ever. */
export const counting: LoadableImage = realMode(0xe6, 0x10, 0xfe, 0xc0, 0xeb, 0xfa);
