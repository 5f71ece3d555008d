/** The CPU at the first instruction: what the mode implies, what paging needs, and what the description says. */
import type { PhysAddr, VirtAddr } from "../core/address.ts";
import { hex } from "../core/hex.ts";
import { toBytes, type Size } from "../core/units.ts";
import { EFER_NXE, type PageTables } from "../paging/index.ts";
import type { CpuState, GeneralRegisters } from "./cpu-state.ts";
import type { CpuDescription, GuestDescription } from "./description.ts";
import { entryModes } from "./entry-mode.ts";
import { entrySegments, gdtRegister } from "./gdt.ts";
import type { ImageGdt } from "./image.ts";
import { LayoutError } from "./layout-error.ts";

const registerNames = [
  "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp",
  "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
] as const;

/** Bit 1 of RFLAGS reads as 1 always (SDM vol. 1, figure 3-8). */
const rflagsFixed = 0x2n;

/** The interrupt vector table of real mode: 256 vectors of 4 bytes at address 0 (SDM vol. 3B, 21.1.4). */
const realIdtLimit = 0x3ff;

/** What the entry state is made from, besides the description. */
export interface EntryInputs {
  readonly gdt: ImageGdt | undefined;
  readonly tables: PageTables | undefined;
  /** RIP: an offset into CS. */
  readonly rip: VirtAddr;
  /** RSP, where the description names a stack. */
  readonly stackPointer: VirtAddr | undefined;
  readonly toVirtual: (at: PhysAddr) => VirtAddr;
}

/** Derives the entry state, and checks that control registers and tables go together. */
export function entryState(description: GuestDescription, inputs: EntryInputs): CpuState {
  const { mode, cpu = {} } = description;
  const { gdt, tables, toVirtual } = inputs;
  const rules = entryModes[mode];
  const cr0 = controlRegister("cr0", cpu.cr0, rules.cr0, mode);
  const cr4 = controlRegister("cr4", cpu.cr4, rules.cr4 | (tables?.registers.cr4 ?? 0n), mode);
  const efer = controlRegister("efer", cpu.efer, rules.efer | (tables?.registers.efer ?? 0n), mode);
  return {
    regs: generalRegisters(cpu, rules.bits, inputs),
    segments: entrySegments(description, gdt),
    gdt: gdtRegister(gdt, toVirtual),
    idt: { base: 0n, limit: mode === "real16" ? realIdtLimit : 0 },
    cr0,
    cr2: 0n,
    cr3: tables?.root ?? 0n,
    cr4,
    cr8: 0n,
    efer,
  };
}

/** A control register: the value given, which must hold every bit that is needed, or just those bits. */
function controlRegister(name: "cr0" | "cr4" | "efer", given: Size | undefined, needed: bigint, mode: string): bigint {
  if (given === undefined) return needed;
  const value = toBytes(given)!;
  const missing = needed & ~value;
  if (missing === 0n) return value;
  const nx = name === "efer" && (missing & EFER_NXE) !== 0n;
  throw new LayoutError(`cpu.${name}: ${hex(value)} lacks ${hex(missing)}, which ${nx ? "a mapping without x" : mode} needs`, {
    code: "INCONSISTENT",
    value,
    hint: nx
      ? "without EFER.NXE the execute-disable bit is reserved, and every access to such a page faults: set bit 11, or give the mapping x"
      : `leave cpu.${name} out, or give it at least ${hex(needed)}`,
  });
}

function generalRegisters(cpu: CpuDescription, bits: number, { rip, stackPointer }: EntryInputs): GeneralRegisters {
  const value = (name: (typeof registerNames)[number] | "rflags"): bigint => {
    const given = toBytes(cpu[name] ?? 0)!;
    if (given < 1n << BigInt(bits)) return given;
    throw new LayoutError(`cpu.${name}: ${hex(given)} is beyond ${bits} bits`, { code: "BAD_DESCRIPTION", value: given });
  };
  const regs = Object.fromEntries(registerNames.map((name) => [name, value(name)])) as unknown as GeneralRegisters;
  return {
    ...regs,
    ...(stackPointer === undefined ? {} : { rsp: BigInt.asUintN(bits, stackPointer) }),
    rip,
    rflags: value("rflags") | rflagsFixed,
  };
}
