/** The CPU at the first instruction: what the mode implies, what paging needs, and what the description says. */
import type { VirtAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { toBytes } from "../../core/units.ts";
import { CR4_PGE, EFER_NXE, type PageTables } from "../../paging/index.ts";
import { bitsToText } from "./control-register-text.ts";
import type { CpuState, DescriptorTableRegister, GeneralRegisters, SegmentName, SegmentState } from "../cpu-state.ts";
import type { CpuDescription, GuestDescription } from "../description/description.ts";
import { type ControlBits, entryModes, pagingForbids } from "./entry-mode.ts";
import { LayoutError } from "../layout-error.ts";

const registerNames = [
  "rax",
  "rbx",
  "rcx",
  "rdx",
  "rsi",
  "rdi",
  "rsp",
  "rbp",
  "r8",
  "r9",
  "r10",
  "r11",
  "r12",
  "r13",
  "r14",
  "r15",
] as const;

/** Bit 1 of RFLAGS reads as 1 always (SDM vol. 1, figure 3-8). */
const rflagsFixed = 0x2n;

/** What the entry state is made from, besides the description. */
export interface EntryInputs {
  readonly segments: Readonly<Record<SegmentName, SegmentState>>;
  /** GDTR. */
  readonly gdt: DescriptorTableRegister;
  /** IDTR. */
  readonly idt: DescriptorTableRegister;
  readonly tables: PageTables | undefined;
  /** RIP: an offset into CS. */
  readonly rip: VirtAddr;
  /** RSP, where the description names a stack. */
  readonly stackPointer: VirtAddr | undefined;
}

/** Derives the entry state, and checks that control registers and tables go together. */
export function entryState(description: GuestDescription, inputs: EntryInputs): CpuState {
  const { mode, cpu = {} } = description;
  const { tables } = inputs;
  const { bits } = entryModes[mode];
  return {
    regs: generalRegisters(cpu, bits, inputs),
    segments: inputs.segments,
    gdt: inputs.gdt,
    idt: inputs.idt,
    cr0: controlRegister("cr0", description, tables),
    cr2: 0n,
    cr3: tables?.root ?? 0n,
    cr4: controlRegister("cr4", description, tables),
    cr8: 0n,
    efer: controlRegister("efer", description, tables),
  };
}

/** A control register: the value given, which must hold every bit that is needed, or just those bits. */
function controlRegister(
  name: keyof ControlBits,
  { mode, cpu = {} }: GuestDescription,
  tables: PageTables | undefined,
): bigint {
  const { needs, forbids } = entryModes[mode];
  const paging = tables?.mode ?? "off";
  const byMode = needs[name];
  const byTables = tables?.registers[name] ?? 0n;
  const given = cpu[name];
  if (given === undefined) return byMode | byTables;
  const value = toBytes(given)!;
  const wrong = (what: string, hint?: string): LayoutError =>
    new LayoutError(`cpu.${name}: ${hex(value)} ${what}`, {
      code: "INCONSISTENT",
      value,
      ...(hint === undefined ? {} : { hint }),
    });
  if (value >> 32n !== 0n) throw wrong("is beyond 32 bits, and the rest is reserved");
  const byModeForbidden = value & forbids[name];
  if (byModeForbidden !== 0n) throw wrong(`has ${bitsToText(name, byModeForbidden)}, which ${mode} must not have`);
  const byPagingForbidden = value & pagingForbids[paging][name];
  if (byPagingForbidden !== 0n) {
    const what = paging === "off" ? `${mode} without page tables` : `${paging} paging`;
    throw wrong(`has ${bitsToText(name, byPagingForbidden)}, which ${what} must not have`);
  }
  const needed = [
    { bits: byMode, because: `${mode} needs`, hint: `leave it out, or give at least ${hex(byMode | byTables)}` },
    ...pagingFeatures
      .filter(({ register, bit }) => register === name && (byTables & bit) !== 0n)
      .map(({ bit, because, hint }) => ({ bits: bit, because, hint })),
    {
      bits: byTables,
      because: `${paging} paging needs`,
      hint: `leave it out, or give at least ${hex(byMode | byTables)}`,
    },
  ];
  const lacking = needed.find(({ bits }) => (bits & ~value) !== 0n);
  if (lacking !== undefined)
    throw wrong(`lacks ${bitsToText(name, lacking.bits & ~value)}, which ${lacking.because}`, lacking.hint);
  return value;
}

/** What mappings may need beyond the mode. */
const pagingFeatures = [
  {
    register: "efer",
    bit: EFER_NXE,
    because: "a mapping without x needs",
    hint: "without NXE the execute-disable bit is reserved, and every access to such a page faults: set bit 11, or give the mapping x",
  },
  {
    register: "cr4",
    bit: CR4_PGE,
    because: "a global mapping needs",
    hint: "without PGE the CPU ignores the global bit: set bit 7, or leave the mapping's global out",
  },
] as const;

/** The bits of RFLAGS that a guest may start with: not those that are reserved, nor VM (SDM vol. 1, 3.4.3). */
const rflagsSettable = 0x3d_7fd7n;

function generalRegisters(
  cpu: CpuDescription,
  bits: 16 | 32 | 64,
  { rip, stackPointer }: EntryInputs,
): GeneralRegisters {
  // Real mode has the 32-bit registers too (SDM vol. 3B, 21.1.2).
  const width = bits === 64 ? 64n : 32n;
  const value = (name: (typeof registerNames)[number] | "rflags"): bigint => {
    const given = toBytes(cpu[name] ?? 0)!;
    if (given >> width === 0n) return given;
    throw new LayoutError(`cpu.${name}: ${hex(given)} is beyond ${width} bits`, {
      code: "BAD_DESCRIPTION",
      value: given,
    });
  };
  const regs = Object.fromEntries(registerNames.map((name) => [name, value(name)])) as unknown as GeneralRegisters;
  const rflags = value("rflags");
  const reserved = rflags & ~rflagsSettable;
  if (reserved !== 0n) {
    throw new LayoutError(
      `cpu.rflags: ${hex(rflags)} has ${bitsToText("rflags", reserved)}, which no guest can start with`,
      {
        code: "BAD_DESCRIPTION",
        value: rflags,
      },
    );
  }
  return {
    ...regs,
    ...(stackPointer === undefined ? {} : { rsp: BigInt.asUintN(64, stackPointer) }),
    rip,
    rflags: rflags | rflagsFixed,
  };
}
