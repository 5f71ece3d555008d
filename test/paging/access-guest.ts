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
import { CR0_PE, CR0_PG, CR4_PKE, EFER_LME } from "../../src/paging/index.ts";
import { at, recordBytes, resultBytes, selectors, vectors, type Cell } from "./access-memory.ts";
import { doneCode, entryPoint } from "./qemu.ts";

const IA32_EFER = 0xc000_0080;

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

/** The guest that makes accesses in the paging mode that the registers select. */
export function accessGuest(root: bigint, first: Pick<Cell, "cr4" | "efer">): Promise<Program> {
  return (first.efer & EFER_LME) === 0n ? guest32(root, first) : guest64(root, first);
}
