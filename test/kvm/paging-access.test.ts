/**
 * The access matrix on `/dev/kvm`: a guest in 64-bit mode touches a page for every combination of flags, registers, ring
 * and access, and what happens, the error code and CR2 are what `walk` said. All bytes are written by hand here.
 */
import { expect, test } from "vitest";
import { Kvm, type Vcpu, type Vm } from "../../src/kvm/index.ts";
import type { CpuState, SegmentState } from "../../src/layout/cpu-state.ts";
import { CR0_WP, EFER_NXE, memoryOf, walk, type MemoryAccess } from "../../src/paging/index.ts";
import { longModeCpu, zeroRegisters } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";

const at = {
  gdt: 0x0,
  idt: 0x1000,
  tss: 0x2000,
  handler: 0x3000,
  stackTop: 0x5000,
  code: 0x6000,
  tables: 0x1_0000,
} as const;
const target = { virt: 0x4000_0000n, phys: 0x20_0000n } as const;
const ram = 0x40_0000;

/** The touching instruction with the address in RCX, then OUT: reaching it means that nothing faulted. */
const instructions = {
  read: [0x8a, 0x01, 0xe6, 0x10], // mov al, [rcx]; out 0x10, al
  write: [0x88, 0x01, 0xe6, 0x10], // mov [rcx], al; out 0x10, al
  fetch: [0xff, 0xe1], // jmp rcx, where OUT is
} as const;

/** #PF and its error code: pop rax; mov rbx, cr2; hlt */
const handler = [0x58, 0x0f, 0x20, 0xd3, 0xf4] as const;

/** Guest memory without the page tables. */
function memoryImage(): Uint8Array {
  const view = new DataView(new ArrayBuffer(ram));
  const descriptors = [
    0n,
    0x00af_9b00_0000_ffffn,
    0x00cf_9300_0000_ffffn,
    0x00af_fb00_0000_ffffn,
    0x00cf_f300_0000_ffffn,
  ];
  for (const [index, descriptor] of descriptors.entries()) view.setBigUint64(at.gdt + index * 8, descriptor, true);
  view.setBigUint64(at.gdt + 0x28, 0x0000_8b00_2000_0067n, true);
  // An interrupt gate of DPL 0 to the handler: SDM vol. 3A, 6.14.1.
  view.setBigUint64(at.idt + 14 * 16, 0x8e00_0008_0000n | BigInt(at.handler), true);
  view.setBigUint64(at.tss + 4, BigInt(at.stackTop), true);
  const bytes = new Uint8Array(view.buffer);
  bytes.set(handler, at.handler);
  bytes.set([0xe6, 0x10], Number(target.phys));
  return bytes;
}

/** PML4, PDPT, PD and PT of the first 2 MiB, all allowed; PD and PT of the page under test, with its entry last. */
function tablesWith(root: number, size: "4KiB" | "2MiB", flags: bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(0x6000));
  const put = (table: number, index: number, entry: bigint): void =>
    view.setBigUint64(table * 0x1000 + index * 8, entry, true);
  const table = (index: number): bigint => BigInt(root + index * 0x1000) | 7n;
  put(0, 0, table(1));
  put(1, 0, table(2));
  put(1, 1, table(4));
  put(2, 0, table(3));
  for (let page = 0; page < 512; page++) put(3, page, BigInt(page * 0x1000) | 7n);
  put(4, 0, size === "4KiB" ? table(5) : target.phys | 0x80n | flags);
  put(5, 0, target.phys | flags);
  return new Uint8Array(view.buffer);
}

function segment(selector: number, type: number, dpl: 0 | 3, l: 0 | 1): SegmentState {
  const db = l === 1 ? 0 : 1;
  return { base: 0n, limit: 0xffff_ffff, selector, type, present: 1, dpl, db, s: 1, l, g: 1, avl: 0, unusable: 0 };
}

function cpuOf(root: number, ring: 0 | 3, wp: boolean, nxe: boolean): CpuState {
  const code = ring === 0 ? segment(0x8, 11, 0, 1) : segment(0x1b, 11, 3, 1);
  const data = ring === 0 ? segment(0x10, 3, 0, 0) : segment(0x23, 3, 3, 0);
  const tr = { ...segment(0x28, 11, 0, 0), base: BigInt(at.tss), limit: 0x67, s: 0, db: 0, g: 0 } as const;
  return {
    ...longModeCpu,
    segments: { ...longModeCpu.segments, cs: code, ss: data, ds: data, es: data, fs: data, gs: data, tr },
    gdt: { base: BigInt(at.gdt), limit: 0x37 },
    idt: { base: BigInt(at.idt), limit: 0xfff },
    cr0: longModeCpu.cr0 | (wp ? CR0_WP : 0n),
    cr3: BigInt(root),
    efer: longModeCpu.efer | (nxe ? EFER_NXE : 0n),
  };
}

/** What the guest saw: `out` where the access succeeded, else the error code and CR2. */
function outcomeOf(vm: Vm, vcpu: Vcpu, cpu: CpuState, kind: MemoryAccess["kind"]): string {
  vm.writeMemory(BigInt(at.code), Uint8Array.from(instructions[kind]));
  const { apicBase, interruptBitmap } = vcpu.getSregs();
  vcpu.setSregs({ ...cpu, apicBase, interruptBitmap });
  // IOPL 3, so that OUT works in ring 3.
  const rip = BigInt(at.code);
  vcpu.setRegs({ ...zeroRegisters, rip, rsp: BigInt(at.stackTop), rcx: target.virt, rax: 0xe6n, rflags: 0x3002n });
  const { kind: exit } = vcpu.run();
  if (exit === "io-out") return "out";
  const { rax, rbx } = vcpu.getRegs();
  return exit === "hlt" ? `#PF(0x${rax.toString(16)}) at 0x${rbx.toString(16)}` : exit;
}

const booleans = [false, true] as const;

/** Every subset of the flags, joined. */
function subsets(flags: readonly bigint[]): bigint[] {
  return flags.reduce<bigint[]>((known, flag) => known.concat(known.map((each) => each | flag)), [0n]);
}

describeKvm("the access matrix in 64-bit mode", () => {
  test.each(["4KiB", "2MiB"] as const)("a page of %s", async (size) => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memorySize: BigInt(ram) });
    vm.writeMemory(0n, memoryImage());
    const vcpu = vm.createVcpu(0);
    const cpuid = kvm.getSupportedCpuid();
    vcpu.setCpuid2(cpuid);
    const maxPhysAddr = (cpuid.find((each) => each.function === 0x8000_0008)?.eax ?? 36) & 0xff;
    // P, R/W, U/S, XD, and a bit that must be zero: of the address, and of a large page's alignment.
    const reserved = size === "2MiB" ? [1n << 13n] : maxPhysAddr < 52 ? [1n << 51n] : [];
    let cells = 0;
    const wrong: string[] = [];
    // Each combination has tables of its own, written before the guest first runs: a host that changes them later, behind
    // the guest's back, would have to flush what the CPU remembers of them.
    const spaces = subsets([1n, 2n, 4n, 1n << 63n, ...reserved]).map((flags, index) => {
      const root = at.tables + index * 0x6000;
      const bytes = tablesWith(root, size, flags);
      vm.writeMemory(BigInt(root), bytes);
      return { flags, root, memory: memoryOf([{ at: BigInt(root), bytes }]) };
    });
    for (const { flags, root, memory } of spaces) {
      for (const kind of ["read", "write", "fetch"] as const) {
        for (const ring of [0, 3] as const) {
          for (const wp of booleans) {
            for (const nxe of booleans) {
              const cpu = cpuOf(root, ring, wp, nxe);
              const { fault } = walk({ memory, cpu: { ...cpu, maxPhysAddr } }, target.virt, { kind, cpl: ring });
              const expected = fault === undefined ? "out" : `#PF(0x${fault.errorCode.toString(16)}) at 0x40000000`;
              const found = outcomeOf(vm, vcpu, cpu, kind);
              cells++;
              if (found !== expected) {
                wrong.push(
                  `flags ${flags.toString(16)} ${kind} ring ${ring} WP ${wp} NXE ${nxe}: ${found}, not ${expected}`,
                );
              }
            }
          }
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(cells).toBe(spaces.length * 3 * 2 * 2 * 2);
    const skipped = reserved.length === 0 ? "384 skipped: with 52 address bits none is reserved" : "0 skipped";
    process.stdout.write(`access matrix, pages of ${size}: ${cells} cells ran, ${skipped}\n`);
  });
});
