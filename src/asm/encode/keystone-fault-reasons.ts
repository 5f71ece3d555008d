/** What of an instruction makes Keystone refuse it, or get it wrong. Which forms each concerns is in a table of its own. */
import type { Form } from "../instructions/form.ts";
import type { Mode } from "../mode.ts";
import type { RegisterClass } from "../operands/register.ts";
import type { ResolvedInstruction, ResolvedMemory } from "./resolved.ts";

/** A reason, and an instruction that shows it. */
export interface FaultReason {
  /** What Keystone does. */
  readonly why: string;
  readonly example: {
    readonly mode: Mode;
    /** As it is printed for Keystone. */
    readonly text: string;
    /** The right bytes. */
    readonly bytes: string;
    /** As GNU as has it, where it is another way. */
    readonly gnu?: string;
  };
  /** Whether an instruction has it, if its form is one that the reason concerns. */
  applies(instruction: ResolvedInstruction, form: Form): boolean;
}

/** The name of a reason. */
export type FaultReasonName =
  | "always"
  | "absoluteAddress"
  | "noBase"
  | "scaledDisplacement"
  | "highRegister"
  | "rounding"
  | "memory"
  | "registers"
  | "unsignedByte"
  | "negativeWord"
  | "unsignedDoubleWord"
  | "narrowRegister"
  | "wideRegister"
  | "sameAccumulator";

/** The reasons, the most particular first. */
export const faultReasons: Readonly<Record<FaultReasonName, FaultReason>> = {
  always: {
    why: "refuses the form or gets it wrong, whatever its operands",
    example: { mode: 16, text: "ret", bytes: "c3" },
    applies: () => true,
  },
  absoluteAddress: {
    why: "makes an address without registers relative to RIP",
    example: { mode: 64, text: "mov byte ptr [0x4000], 0x12", bytes: "c6 04 25 00 40 00 00 12" },
    applies: hasMemory(({ base, index }) => base === undefined && index === undefined),
  },
  noBase: {
    why: "drops the index of an address that has no base",
    example: { mode: 16, text: "inc byte ptr [ecx*8+0x80]", bytes: "67 fe 04 cd 80 00 00 00" },
    applies: hasMemory(({ base, index }) => base === undefined && index !== undefined),
  },
  scaledDisplacement: {
    why: "writes EVEX's displacements of 8 bits without their scale (SDM vol. 2A, 2.7.5)",
    example: { mode: 64, text: "vaddps zmm1, zmm2, zmmword ptr [rax+0x40]", bytes: "62 f1 6c 48 58 48 01" },
    applies: isScaled,
  },
  highRegister: {
    why: "refuses xmm16 to xmm31 beside memory",
    example: { mode: 64, text: "vaddsd xmm3, xmm21, qword ptr [rbx]", bytes: "62 f1 d7 00 58 1b" },
    applies: ({ operands }) => operands.some(isMemory) && operands.some(isHigh),
  },
  rounding: {
    why: "refuses the rounding mode",
    example: { mode: 64, text: "vcvtusi2ss xmm1, xmm1, eax, {rn-sae}", bytes: "62 f1 76 18 7b c8" },
    applies: ({ decorators }) => decorators.rounding !== undefined,
  },
  memory: {
    why: "refuses the memory operand",
    example: { mode: 64, text: "punpcklbw mm1, dword ptr [rbx]", bytes: "0f 60 0b" },
    applies: hasMemory(() => true),
  },
  registers: {
    why: "refuses registers, or has another encoding of them than the shortest",
    example: { mode: 64, text: "vextractps ebp, xmm3, 0x1", bytes: "c4 e3 79 17 dd 01" },
    applies: ({ operands }) => !operands.some(isMemory),
  },
  unsignedByte: {
    why: "takes numbers of 8 bits for signed ones, and refuses those from 0x80 on",
    example: { mode: 64, text: "bt eax, 0xff", bytes: "0f ba e0 ff" },
    applies: hasNumber((value) => value >= 0x80n && value <= 0xffn),
  },
  negativeWord: {
    why: "takes the number for a negative one of 16 bits",
    example: { mode: 64, text: "push 0xffff", bytes: "68 ff ff 00 00" },
    applies: hasNumber((value) => value >= 0xff80n && value <= 0xffffn),
  },
  unsignedDoubleWord: {
    why: "refuses numbers from 0x80000000 on",
    example: {
      mode: 64,
      text: "bextr rax, rbx, 0xffffffff",
      bytes: "8f ea f8 10 c3 ff ff ff ff",
      gnu: "bextr rax, rbx, -1",
    },
    applies: hasNumber((value) => value >= 1n << 31n),
  },
  narrowRegister: {
    why: "writes a needless operand-size prefix for the register of 16 bits",
    example: { mode: 32, text: "mov ds, cx", bytes: "8e d9" },
    applies: hasRegister("r16"),
  },
  wideRegister: {
    why: "refuses a selector in a register of 32 bits",
    example: { mode: 64, text: "ltr eax", bytes: "0f 00 d8", gnu: "ltr ax" },
    applies: hasRegister("r32"),
  },
  sameAccumulator: {
    why: "makes an exchange of the accumulator with itself a NOP, which reads back as one",
    example: { mode: 16, text: "xchg ax, ax", bytes: "87 c0" },
    applies: ({ operands: [a, b] }) => isRegister(a) && isRegister(b) && a.name === b.name && /^[er]?ax$/.test(a.name),
  },
};

type Applies = FaultReason["applies"];
type Operand = ResolvedInstruction["operands"][number];

function isMemory(operand: Operand): operand is ResolvedMemory {
  return typeof operand === "object" && operand.kind === "memory";
}

function isRegister(operand: Operand | undefined): operand is Extract<Operand, { kind: "register" }> {
  return typeof operand === "object" && operand.kind === "register";
}

/** Whether only EVEX reaches a register. */
function isHigh(operand: Operand): boolean {
  return isRegister(operand) && /^[xyz]mm(1[6-9]|[23]\d)$/.test(operand.name);
}

function hasMemory(isSo: (memory: ResolvedMemory) => boolean): Applies {
  return ({ operands }) => operands.some((operand) => isMemory(operand) && isSo(operand));
}

function hasNumber(isSo: (value: bigint) => boolean): Applies {
  return ({ operands }) => operands.some((operand) => typeof operand === "bigint" && isSo(operand));
}

function hasRegister(of: RegisterClass): Applies {
  return ({ operands }) => operands.some((operand) => isRegister(operand) && operand.class === of);
}

/** Whether Keystone writes 8 bits of displacement: in addresses of 16 bits where it fits them, else where its scaled value does. */
function isScaled({ operands, broadcastTo }: ResolvedInstruction, form: Form): boolean {
  const memory = operands.find(isMemory);
  if (form.encoding !== "evex" || memory?.base === undefined) return false;
  const { displacement, addressSize } = memory;
  if (displacement === undefined || displacement === 0n) return false;
  if (addressSize === 16) return isByte(displacement);
  const scale = BigInt(broadcastTo === 0 ? form.displacementScale : form.broadcastBits / 8);
  return displacement % scale === 0n && isByte(displacement / scale);
}

const isByte = (value: bigint): boolean => value >= -0x80n && value < 0x80n;
