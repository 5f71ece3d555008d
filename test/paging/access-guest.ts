/**
 * The guests of the access matrix: they go from real mode to the paging mode under test, then make one access after
 * another as records in their memory say, and write down what came of each.
 */
import {
  al,
  assemble,
  ax,
  byte,
  code16,
  cr0,
  cr2,
  cr3,
  cr4,
  ds,
  dword,
  eax,
  ebx,
  ecx,
  edi,
  edx,
  esi,
  esp,
  far,
  mem,
  qword,
  rax,
  rbx,
  rcx,
  rdi,
  rsi,
  rsp,
  ss,
  type Program,
} from "guestwright/asm";
import { encodeDescriptor, segmentState, type Segment } from "guestwright/layout";
import { CR0_PE, CR0_PG, CR4_PKE, EFER_LME, type MemoryChunk } from "../../src/paging/index.ts";
import { doneCode, entryPoint } from "./qemu.ts";

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
const recordBytes = 40;

/** The size of a result, in bytes: the vector, the error code, CR2. */
export const resultBytes = 16;

const IA32_EFER = 0xc000_0080;

const selectors = {
  code32: 0x08,
  data: 0x10,
  code64: 0x18,
  userCode32: 0x23,
  userCode64: 0x2b,
  userData: 0x33,
  tss: 0x38,
} as const;

/** The vectors that results tell; all others are `other`. */
export const vectors = { doubleFault: 8, generalProtection: 13, pageFault: 14, succeeded: 0x80, other: 0xff } as const;

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

/** From real mode to flat 32-bit code, without paging. */
function protectedMode() {
  return code16()
    .lgdt(mem(at.gdtRegister))
    .mov(eax, cr0)
    .or(eax, Number(CR0_PE))
    .mov(cr0, eax)
    .ljmp(far(selectors.code32, "protected", 32))
    .code32()
    .label("protected")
    .mov(eax, selectors.userData)
    .mov(ds, ax)
    .mov(eax, selectors.data)
    .mov(ss, ax)
    .mov(esp, at.stackTop);
}

/** Writes down what CPUID says of paging. */
export function featureGuest(): Promise<Program> {
  const code = protectedMode()
    .mov(eax, 0x8000_0008)
    .cpuid()
    .mov(dword(at.features), eax)
    .mov(eax, 0x8000_0001)
    .cpuid()
    .mov(dword(at.features + 4), edx)
    .mov(eax, 7)
    .xor(ecx, ecx)
    .cpuid()
    .mov(dword(at.features + 8), ebx)
    .mov(dword(at.features + 12), ecx)
    .mov(al, doneCode)
    .out(0xf4, al)
    .hlt();
  return assemble(code, { origin: BigInt(entryPoint) });
}

/** On to a paging mode. */
function paging(root: bigint, { cr4: features, efer }: Pick<Cell, "cr4" | "efer">) {
  return protectedMode()
    .mov(eax, Number(features))
    .mov(cr4, eax)
    .mov(eax, Number(root))
    .mov(cr3, eax)
    .mov(ecx, IA32_EFER)
    .mov(eax, Number(efer))
    .xor(edx, edx)
    .wrmsr()
    .mov(eax, Number(CR0_PG | CR0_PE))
    .mov(cr0, eax);
}

/** The guest of the modes that 32-bit code runs in. ESI is at the record, EDI at the result. */
function guest32(root: bigint, registers: Pick<Cell, "cr4" | "efer">): Promise<Program> {
  const code = paging(root, registers)
    .lidt(mem(at.idtRegister))
    .mov(eax, selectors.tss)
    .ltr(ax)
    .mov(esi, at.records)
    .mov(edi, at.results)
    .label("next")
    .mov(ebx, dword(esi))
    .test(ebx, ebx)
    .jz("done")
    .mov(ecx, IA32_EFER)
    .mov(eax, dword(esi, 8))
    .xor(edx, edx)
    .wrmsr()
    .mov(cr0, ebx)
    .mov(eax, dword(esi, 4))
    .mov(cr4, eax)
    .mov(eax, cr3)
    .mov(cr3, eax)
    .xor(eax, eax)
    .mov(cr2, eax)
    // What IRETD takes: it leaves SS and ESP where it does not change rings.
    .push(dword(esi, 36))
    .push(at.stackTop)
    .push(dword(esi, 28))
    .push(dword(esi, 32))
    .push(dword(esi, 24))
    .mov(ecx, dword(esi, 16))
    .mov(al, 0xcd)
    .iretd()

    .label("pageFault")
    .pop(eax)
    .mov(ebx, vectors.pageFault)
    .jmp("write down")
    .label("generalProtection")
    .pop(eax)
    .mov(ebx, vectors.generalProtection)
    .jmp("write down")
    .label("succeeded")
    .xor(eax, eax)
    .mov(ebx, vectors.succeeded)
    .jmp("write down")
    .label("other")
    .xor(eax, eax)
    .mov(ebx, vectors.other)
    .label("write down")
    .mov(dword(edi), ebx)
    .mov(dword(edi, 4), eax)
    .mov(eax, cr2)
    .mov(dword(edi, 8), eax)
    .add(edi, resultBytes)
    .add(esi, recordBytes)
    .mov(esp, at.stackTop)
    .jmp("next")

    .label("done")
    .mov(al, doneCode)
    .out(0xf4, al)
    .hlt()

    .align(0x1000)
    .label("read")
    .mov(al, byte(ecx))
    .int(vectors.succeeded)
    .label("write")
    .mov(byte(ecx), al)
    .int(vectors.succeeded)
    .label("fetch")
    .jmp(ecx);
  return assemble(code, { origin: BigInt(entryPoint) });
}

/** The guest of the modes that 64-bit code runs in. RSI is at the record, RDI at the result. */
function guest64(root: bigint, registers: Pick<Cell, "cr4" | "efer">): Promise<Program> {
  const code = paging(root, registers)
    .ljmp(far(selectors.code64, "long"))
    .code64()
    .label("long")
    .lidt(mem(at.idtRegister))
    .mov(eax, selectors.tss)
    .ltr(ax)
    .mov(esi, at.records)
    .mov(edi, at.results)
    .label("next")
    .mov(ebx, dword(rsi))
    .test(ebx, ebx)
    .jz("done")
    .mov(ecx, IA32_EFER)
    .mov(eax, dword(rsi, 8))
    .xor(edx, edx)
    .wrmsr()
    .mov(cr0, rbx)
    .mov(eax, dword(rsi, 4))
    .mov(cr4, rax)
    .test(eax, Number(CR4_PKE))
    .jz("without keys")
    .mov(eax, dword(rsi, 12))
    .xor(ecx, ecx)
    .xor(edx, edx)
    .wrpkru()
    .label("without keys")
    .mov(rax, cr3)
    .mov(cr3, rax)
    .xor(eax, eax)
    .mov(cr2, rax)
    .mov(eax, dword(rsi, 36))
    .push(rax)
    .push(at.stackTop)
    .mov(eax, dword(rsi, 28))
    .push(rax)
    .mov(eax, dword(rsi, 32))
    .push(rax)
    .mov(eax, dword(rsi, 24))
    .push(rax)
    .mov(rcx, qword(rsi, 16))
    .mov(al, 0xcd)
    .iretq()

    .label("pageFault")
    .pop(rax)
    .mov(ebx, vectors.pageFault)
    .jmp("write down")
    .label("generalProtection")
    .pop(rax)
    .mov(ebx, vectors.generalProtection)
    .jmp("write down")
    .label("succeeded")
    .xor(eax, eax)
    .mov(ebx, vectors.succeeded)
    .jmp("write down")
    .label("other")
    .xor(eax, eax)
    .mov(ebx, vectors.other)
    .label("write down")
    .mov(dword(rdi), ebx)
    .mov(dword(rdi, 4), eax)
    .mov(rax, cr2)
    .mov(qword(rdi, 8), rax)
    .add(rdi, resultBytes)
    .add(rsi, recordBytes)
    .mov(rsp, at.stackTop)
    .jmp("next")

    .label("done")
    .mov(al, doneCode)
    .out(0xf4, al)
    .hlt()

    .align(0x1000)
    .label("read")
    .mov(al, byte(rcx))
    .int(vectors.succeeded)
    .label("write")
    .mov(byte(rcx), al)
    .int(vectors.succeeded)
    .label("fetch")
    .jmp(rcx);
  return assemble(code, { origin: BigInt(entryPoint) });
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
    ...segments.map((each) => encodeDescriptor(segmentState(each, 0))),
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

/** The guest that makes accesses in the paging mode that the registers select. */
export function accessGuest(root: bigint, first: Pick<Cell, "cr4" | "efer">): Promise<Program> {
  return (first.efer & EFER_LME) === 0n ? guest32(root, first) : guest64(root, first);
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
