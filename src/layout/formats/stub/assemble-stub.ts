/** The code of an entry stub, and its bytes with all that it carries. */
import { assemble, code32, code64 } from "../../../asm/index.ts";
import { hex } from "../../../core/hex.ts";
import { EFER_LMA } from "../../../paging/index.ts";
import type { CpuState, GeneralRegisters, SegmentName } from "../../cpu-state.ts";
import type { Image } from "../../image.ts";
import { codeBytes, moveBytes, type StubPlan } from "./plan-stub.ts";
import { isInGdt } from "./stub-gdt.ts";

/** CR4.PCIDE and CR4.CET: to be set when long mode, and CR0.WP, are on (SDM vol. 3A, 2.5). */
const lateCr4 = (1n << 17n) | (1n << 23n);

/** IA32_EFER, IA32_FS_BASE, IA32_GS_BASE (SDM vol. 4, table 2-2). */
const msrs = { efer: 0xc000_0080, fs: 0xc000_0100, gs: 0xc000_0101 } as const;

const generalRegisters = [
  ..."rbx rcx rdx rsi rdi rbp rsp".split(" "),
  ...Array.from({ length: 8 }, (_, i) => `r${i + 8}`),
] as (keyof GeneralRegisters)[];

/** The 32-bit name of a register. */
const name32 = (name: keyof GeneralRegisters): string => name.replace("r", "e");

/** The bytes of a stub from its first to its last, tables included. Its entry point is `plan.codeAt`. */
export async function assembleStub(image: Image, plan: StubPlan): Promise<Uint8Array> {
  const bytes = new Uint8Array(Number(plan.size));
  const put = (at: bigint, part: Uint8Array): void => bytes.set(part, Number(at - plan.at));
  for (const { chunk, at } of plan.carried) put(at, chunk.bytes);
  put(plan.movesAt, moveTable(plan));
  put(plan.gdtAt, plan.gdt);
  const isLong = isLongCode(image.cpu);
  const code64At = plan.codeAt + codeBytes / 2n;
  const code32 = [
    ...moves(plan),
    ...paging(image.cpu, plan),
    ...(isLong ? leave32(image.cpu, code64At) : state32(image.cpu, plan)),
  ];
  put(plan.codeAt, await bytesOf(32, code32, plan.codeAt));
  if (isLong) put(code64At, await bytesOf(64, state64(image.cpu, plan), code64At));
  if (plan.last !== undefined) {
    const last = isLong ? last64(image.cpu) : last32(image.cpu);
    put(plan.last.carriedAt, await bytesOf(isLong ? 64 : 32, last, plan.last.origin, image.cpu.regs.rip));
  }
  if (plan.tables !== undefined) put(plan.tables.at, plan.tables.bytes);
  return bytes;
}

function isLongCode({ efer, segments }: CpuState): boolean {
  return (efer & EFER_LMA) !== 0n && segments.cs.l === 1;
}

/** @param entry what the code calls `entry`: an offset into CS */
async function bytesOf(mode: 32 | 64, lines: readonly string[], origin: bigint, entry = 0n): Promise<Uint8Array> {
  const text = lines.join("\n");
  const code = mode === 64 ? code64().asm(text) : code32().asm(text);
  return (await assemble(code, { origin, symbols: { entry } })).bytes;
}

function moveTable({ moves: all }: StubPlan): Uint8Array {
  const words = all.flatMap(({ to, from, size }) => [to, from ?? 0n, size].map(Number));
  const view = new DataView(new ArrayBuffer(words.length * 4));
  words.forEach((word, i) => view.setUint32(i * 4, word, true));
  return new Uint8Array(view.buffer);
}

/** Moves bytes to their places, then loads the stub's own GDT: the loader's may have been where they went. */
function moves({ moves: all, movesAt, gdtAt, gdt, codeAt }: StubPlan): readonly string[] {
  return [
    "cli",
    "cld",
    `mov ebp, ${hex(movesAt)}`,
    "next:",
    `cmp ebp, ${hex(movesAt + BigInt(all.length) * moveBytes)}`,
    "je moved",
    "mov edi, [ebp]",
    "mov esi, [ebp+4]",
    "mov ecx, [ebp+8]",
    `add ebp, ${moveBytes}`,
    "test esi, esi",
    "jz clear",
    "rep movsb",
    "jmp next",
    "clear:",
    "xor eax, eax",
    "rep stosb",
    "jmp next",
    "moved:",
    "lgdt cs:[stub_gdtr]",
    `mov esp, ${hex(codeAt + codeBytes / 2n)}`,
    "jmp control",
    ...tableRegister("stub_gdtr", { base: gdtAt, limit: gdt.length - 1 }, 32),
    "control:",
  ];
}

/** What `lgdt` and `lidt` read: SDM vol. 3A, figure 3-11. */
function tableRegister(
  label: string,
  { base, limit }: { readonly base: bigint; readonly limit: number },
  bits: 32 | 64,
): readonly string[] {
  return [`${label}:`, `.word ${hex(limit)}`, `${bits === 64 ? ".quad" : ".long"} ${hex(base)}`];
}

/** Control registers, in the order in which paging is switched on (SDM vol. 3A, 9.8.5). */
function paging({ cr0, cr4, efer }: CpuState, { tables }: StubPlan): readonly string[] {
  const late = cr4 & lateCr4;
  return [
    `mov eax, ${hex(cr4 & ~late)}`,
    "mov cr4, eax",
    ...(tables === undefined ? [] : [`mov eax, ${hex(tables.root)}`, "mov cr3, eax"]),
    ...(efer === 0n ? [] : writeMsr(msrs.efer, efer & ~EFER_LMA)),
    `mov eax, ${hex(cr0)}`,
    "mov cr0, eax",
    ...(late === 0n ? [] : [`mov eax, ${hex(cr4)}`, "mov cr4, eax"]),
  ];
}

function writeMsr(msr: number, value: bigint): readonly string[] {
  return [`mov ecx, ${hex(msr)}`, `mov eax, ${hex(value & 0xffff_ffffn)}`, `mov edx, ${hex(value >> 32n)}`, "wrmsr"];
}

/** Loads of segment registers. */
function segments({ segments: all }: CpuState, names: readonly SegmentName[]): readonly string[] {
  const loads: Partial<Record<SegmentName, string>> = { ldt: "lldt ax", tr: "ltr ax" };
  return names.flatMap((name) => {
    const state = all[name];
    // LDTR and TR keep what the loader left where the image has nothing that could be loaded.
    if (!isInGdt(state) && name in loads) return [];
    return [`mov eax, ${hex(isInGdt(state) ? state.selector : 0)}`, loads[name] ?? `mov ${name}, eax`];
  });
}

/** In 64-bit code the descriptors have the low halves of FS.base and GS.base only. */
function leave32({ segments: { cs } }: CpuState, code64At: bigint): readonly string[] {
  return [`ljmp ${hex(cs.selector)}:${hex(code64At)}`];
}

/** The state of 64-bit code, whose stack does not depend on SS. */
function state64(cpu: CpuState, { last }: StubPlan): readonly string[] {
  const { regs, segments: all } = cpu;
  return [
    ...segments(cpu, ["ldt", "tr", "ds", "es", "fs", "gs", "ss"]),
    ...(["fs", "gs"] as const).flatMap((name) => (all[name].base === 0n ? [] : writeMsr(msrs[name], all[name].base))),
    ...(cpu.cr2 === 0n ? [] : [`mov rax, ${hex(cpu.cr2)}`, "mov cr2, rax"]),
    ...(cpu.cr8 === 0n ? [] : [`mov rax, ${hex(cpu.cr8)}`, "mov cr8, rax"]),
    "lgdt [rip+image_gdtr]",
    "lidt [rip+image_idtr]",
    `push ${hex(regs.rflags)}`,
    "popfq",
    ...generalRegisters.map((name) => `mov ${name}, ${hex(regs[name])}`),
    `mov rax, ${hex(cpu.cr3)}`,
    "jmp qword ptr [rip+last]",
    "last:",
    `.quad ${hex(last!.origin)}`,
    ...tableRegister("image_gdtr", cpu.gdt, 64),
    ...tableRegister("image_idtr", cpu.idt, 64),
  ];
}

function last64({ regs }: CpuState): readonly string[] {
  return ["mov cr3, rax", `mov rax, ${hex(regs.rax)}`, "jmp qword ptr [rip+target]", "target:", ".quad entry"];
}

function last32({ regs, gdt }: CpuState): readonly string[] {
  return [
    "lgdt cs:[image_gdtr]",
    "mov cr3, eax",
    `mov eax, ${hex(regs.rax)}`,
    "jmp entry",
    ...tableRegister("image_gdtr", gdt, 32),
  ];
}

/** The state of 16- and 32-bit code. The loader's DS may be gone, so that operands are read through CS. */
function state32(cpu: CpuState, { last }: StubPlan): readonly string[] {
  const { regs, gdt, idt, segments: all } = cpu;
  const isUnpaged = last === undefined;
  const hasGdt = isUnpaged && gdt.limit > 0;
  return [
    ...segments(cpu, ["ldt", "tr", "ds", "es", "fs", "gs"]),
    ...(cpu.cr2 === 0n ? [] : [`mov eax, ${hex(cpu.cr2)}`, "mov cr2, eax"]),
    "lidt cs:[image_idtr]",
    `push ${hex(regs.rflags)}`,
    "popfd",
    ...segments(cpu, ["ss"]),
    ...(hasGdt ? ["lgdt cs:[image_gdtr]"] : []),
    ...generalRegisters.filter((name) => !/\d/.test(name)).map((name) => `mov ${name32(name)}, ${hex(regs[name])}`),
    `mov eax, ${hex(isUnpaged ? regs.rax : cpu.cr3)}`,
    `ljmp ${hex(all.cs.selector)}:${hex(isUnpaged ? regs.rip : last.origin)}`,
    ...tableRegister("image_idtr", idt, 32),
    ...(hasGdt ? tableRegister("image_gdtr", gdt, 32) : []),
  ];
}
