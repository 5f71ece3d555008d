/** What an instruction does with registers and memory, as far as its faults depend on it. */
import type * as Iced from "iced-x86";
import type { Instruction } from "./instruction.ts";

/** A register, and which part of which full register it is. */
export interface RegisterPart {
  /** In lower case: `eax`, `ah`, `xmm0`, `ds`. */
  readonly name: string;
  /** The full register that holds it, in lower case: `rax`. */
  readonly full: string;
  /** In bytes. */
  readonly size: number;
  /** Its lowest bit in the full register: 8 for AH, BH, CH and DH, else 0. */
  readonly shift: 0 | 8;
}

/** An operand. What `memory` operands access is in {@link ExaminedInstruction.memory}. */
export type ExaminedOperand =
  | { readonly kind: "register"; readonly register: RegisterPart }
  | { readonly kind: "immediate"; readonly value: bigint }
  | { readonly kind: "far"; readonly selector: number; readonly offset: bigint }
  | { readonly kind: "branch" | "memory" };

/** The segment registers by name. */
export type SegmentRegisterName = "cs" | "ds" | "es" | "fs" | "gs" | "ss";

/** Memory that an instruction accesses, what its operands only imply included: a push writes to the stack. */
export interface ExaminedMemory {
  readonly segment: SegmentRegisterName;
  readonly base: RegisterPart | undefined;
  readonly index: RegisterPart | undefined;
  readonly scale: number;
  /** 0 to 2^64 - 1; negative ones wrap around. */
  readonly displacement: bigint;
  /** In bytes; of what has no fixed size, 1. */
  readonly size: number;
  readonly access: "read" | "write" | "read-write";
}

/** The part of the CPU that must be switched on for an instruction. */
export type ExecutionUnit = "x87" | "mmx" | "sse" | "avx";

/** An instruction with what its faults depend on. */
export interface ExaminedInstruction extends Instruction {
  /** In lower case, without prefixes. */
  readonly mnemonic: string;
  /** Whether privilege level 0 is needed; for ports and the interrupt flag, that of IOPL. */
  readonly isPrivileged: boolean;
  /** Whether a REP prefix repeats it, RCX times. */
  readonly isRepeated: boolean;
  readonly operands: readonly ExaminedOperand[];
  /** Reads before writes. Not what depends on more than the address: masked elements and the like. */
  readonly memory: readonly ExaminedMemory[];
  readonly unit: ExecutionUnit | undefined;
}

/** What iced-x86 decoded, with what its faults depend on. */
export function examine(iced: typeof Iced, decoded: Iced.Instruction, instruction: Instruction): ExaminedInstruction {
  const operands = Array.from({ length: decoded.opCount }, (_, index) => operandOf(iced, decoded, index));
  const isRepeated = decoded.hasRepPrefix || decoded.hasRepnePrefix;
  return {
    ...instruction,
    mnemonic: iced.Mnemonic[decoded.mnemonic].toLowerCase(),
    isPrivileged: decoded.isPrivileged,
    isRepeated,
    operands,
    memory: memoryOf(iced, decoded, isRepeated),
    unit: unitOf(iced, decoded, operands),
  };
}

function registerPart(iced: typeof Iced, register: Iced.Register): RegisterPart | undefined {
  if (register === iced.Register.None) return undefined;
  const { fullRegister, size } = iced.RegisterExt;
  return {
    name: iced.Register[register].toLowerCase(),
    full: iced.Register[fullRegister(register)].toLowerCase(),
    size: size(register),
    shift: register >= iced.Register.AH && register <= iced.Register.BH ? 8 : 0,
  };
}

function operandOf(iced: typeof Iced, decoded: Iced.Instruction, index: number): ExaminedOperand {
  const { OpKind } = iced;
  const kind = decoded.opKind(index);
  if (kind === OpKind.Register) return { kind: "register", register: registerPart(iced, decoded.opRegister(index))! };
  if (kind === OpKind.FarBranch16 || kind === OpKind.FarBranch32) {
    const offset = kind === OpKind.FarBranch16 ? decoded.farBranch16 : decoded.farBranch32;
    return { kind: "far", selector: decoded.farBranchSelector, offset: BigInt(offset) };
  }
  if (kind <= OpKind.NearBranch64) return { kind: "branch" };
  return kind >= OpKind.Immediate8 && kind <= OpKind.Immediate32to64
    ? { kind: "immediate", value: decoded.immediate(index) }
    : { kind: "memory" };
}

/** Accesses that take place whenever the instruction is executed. */
const accesses: Readonly<Record<string, ExaminedMemory["access"]>> = {
  Read: "read",
  Write: "write",
  ReadWrite: "read-write",
};

/** Those that take place where there is something to repeat. */
const repeatedAccesses: typeof accesses = {
  ...accesses,
  CondRead: "read",
  CondWrite: "write",
  ReadCondWrite: "read-write",
};

function memoryOf(iced: typeof Iced, decoded: Iced.Instruction, isRepeated: boolean): ExaminedMemory[] {
  const factory = new iced.InstructionInfoFactory();
  const info = factory.info(decoded);
  const used = info.usedMemory() as Iced.UsedMemory[];
  try {
    return used
      .flatMap((each): ExaminedMemory[] => {
        const access = (isRepeated ? repeatedAccesses : accesses)[iced.OpAccess[each.access]];
        if (access === undefined) return [];
        return [
          {
            segment: iced.Register[each.segment].toLowerCase() as SegmentRegisterName,
            base: registerPart(iced, each.base),
            index: registerPart(iced, each.index),
            scale: each.scale,
            displacement: each.displacement,
            size: iced.MemorySizeExt.size(each.memorySize) || iced.MemorySizeExt.size(decoded.memorySize) || 1,
            access,
          },
        ];
      })
      .toSorted((a, b) => Number(a.access === "write") - Number(b.access === "write"));
  } finally {
    for (const each of used) each.free();
    info.free();
    factory.free();
  }
}

/** By its registers; instructions of the x87 may have none. */
function unitOf(
  iced: typeof Iced,
  decoded: Iced.Instruction,
  operands: readonly ExaminedOperand[],
): ExecutionUnit | undefined {
  const names = operands.flatMap((each) => (each.kind === "register" ? [each.register.name] : []));
  if (names.some((name) => /^[xyz]mm\d/.test(name))) {
    return decoded.encoding === iced.EncodingKind.Legacy ? "sse" : "avx";
  }
  if (names.some((name) => /^mm\d/.test(name))) return "mmx";
  const features = Array.from(decoded.cpuidFeatures(), (feature) => iced.CpuidFeature[feature]!);
  return features.some((name) => name.startsWith("FPU")) ? "x87" : undefined;
}
