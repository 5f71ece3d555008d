/** iced-x86's encoder, for the forms that Keystone refuses or gets wrong. */
import type * as Iced from "iced-x86";
import type { Form } from "../instructions/form.ts";
import type { OperandKind } from "../instructions/operand-kind.ts";
import { registerId, widen } from "./register-id.ts";
import type { ResolvedInstruction, ResolvedMemory, ResolvedOperand } from "./resolved.ts";
import { addressBits, neededSegment, placeholder, roundingControls } from "./resolved.ts";

/** Encodes one form at address 0; `undefined` where iced-x86 refuses it. */
export function encodeWithIced(iced: typeof Iced, form: Form, written: ResolvedInstruction): Uint8Array | undefined {
  const instruction = new iced.Instruction();
  const encoder = new iced.Encoder(written.mode);
  try {
    instruction.code = form.code;
    form.kinds.forEach((kind, position) => setImplied(iced, instruction, position, kind, written));
    form.written.forEach((kind, i) =>
      setOperand(iced, instruction, kind.position, kind, written.operands[i]!, written),
    );
    setPrefix(iced, instruction, written);
    setDecorators(iced, instruction, written);
    encoder.preventVEX2 = written.encoding === "vex3";
    encoder.encode(instruction, 0n);
    return encoder.takeBuffer();
  } catch {
    return undefined;
  } finally {
    encoder.free();
    instruction.free();
  }
}

function setPrefix(iced: typeof Iced, instruction: Iced.Instruction, { prefix }: ResolvedInstruction): void {
  instruction.hasLockPrefix = prefix === "lock";
  if (prefix === "rep" || prefix === "repe") instruction.hasRepPrefix = true;
  if (prefix === "repne") instruction.hasRepnePrefix = true;
  // NOTRACK is the byte of DS.
  if (prefix === "notrack") instruction.segmentPrefix = iced.Register.DS;
}

function setDecorators(iced: typeof Iced, instruction: Iced.Instruction, { decorators }: ResolvedInstruction): void {
  const { mask, zeroing, broadcast, rounding } = decorators;
  if (mask !== undefined) instruction.opMask = registerId(iced, mask);
  instruction.zeroingMasking = zeroing;
  instruction.isBroadcast = broadcast !== false;
  if (rounding === "sae") instruction.suppressAllExceptions = true;
  else if (rounding !== undefined) instruction.roundingControl = iced.RoundingControl[roundingControls[rounding]];
}

function setOperand(
  iced: typeof Iced,
  instruction: Iced.Instruction,
  i: number,
  kind: OperandKind,
  operand: ResolvedOperand,
  { mode }: ResolvedInstruction,
): void {
  const { OpKind } = iced;
  if (typeof operand === "bigint") {
    if (kind.branch === undefined) return setImmediate(iced, instruction, i, kind, operand);
    instruction.setOpKind(i, OpKind[`NearBranch${mode}`]);
    if (mode === 64) instruction.nearBranch64 = BigInt.asUintN(64, operand);
    else if (mode === 32) instruction.nearBranch32 = Number(BigInt.asUintN(32, operand));
    else instruction.nearBranch16 = Number(BigInt.asUintN(16, operand));
  } else if (operand.kind === "far") {
    instruction.setOpKind(i, OpKind[`FarBranch${kind.far!}`]);
    instruction.farBranchSelector = operand.selector;
    if (kind.far === 16) instruction.farBranch16 = Number(BigInt.asUintN(16, operand.offset));
    else instruction.farBranch32 = Number(BigInt.asUintN(32, operand.offset));
  } else if (operand.kind === "register") {
    const isWider = operand.class === "r16" && (kind.register === "r32" || kind.register === "r64");
    const name = isWider ? widen(operand.name, kind.register) : operand.name;
    setRegister(iced, instruction, i, name);
  } else {
    instruction.setOpKind(i, OpKind.Memory);
    setMemory(iced, instruction, operand, addressBits(operand, mode));
  }
}

function setRegister(iced: typeof Iced, instruction: Iced.Instruction, i: number, name: string): void {
  instruction.setOpKind(i, iced.OpKind.Register);
  instruction.setOpRegister(i, registerId(iced, name));
}

function setImmediate(
  iced: typeof Iced,
  instruction: Iced.Instruction,
  i: number,
  kind: OperandKind,
  value: bigint,
): void {
  const { extendedTo } = kind.immediate ?? { extendedTo: 8 };
  const bits = Math.max(kind.immediate?.bits ?? 8, 8);
  const name = bits >= extendedTo ? `Immediate${bits}` : `Immediate${bits}to${extendedTo}`;
  // ENTER has two immediates: iced-x86 keeps the second in a place of its own.
  const isSecond = i > 0 && isImmediate(iced, instruction.opKind(i - 1));
  const opKind = iced.OpKind[(isSecond ? `${name}_2nd` : name) as keyof typeof Iced.OpKind];
  instruction.setOpKind(i, opKind);
  instruction.setImmediateI64(i, BigInt.asIntN(bits, value));
}

function isImmediate(iced: typeof Iced, opKind: number): boolean {
  return iced.OpKind[opKind]!.startsWith("Immediate");
}

function setMemory(iced: typeof Iced, instruction: Iced.Instruction, memory: ResolvedMemory, bits: number): void {
  const segment = neededSegment(memory);
  if (segment !== undefined) instruction.segmentPrefix = registerId(iced, segment);
  if (memory.base !== undefined) instruction.memoryBase = registerId(iced, memory.base);
  if (memory.index !== undefined) instruction.memoryIndex = registerId(iced, memory.index);
  instruction.memoryIndexScale = memory.scale;
  const displacement = memory.displacement ?? placeholder(Math.min(bits, 32));
  // Without a base the displacement has the address's full width, whatever its value (SDM vol. 2A, table 2-3).
  const isFull = memory.base === undefined || memory.base === "rip";
  instruction.memoryDisplacement = BigInt.asUintN(isFull ? bits : 64, displacement);
  instruction.memoryDisplSize = isFull ? bits / 8 : displacement === 0n ? 0 : 1;
}

/** A string instruction's operands: registers by name, addresses by the mode's size. */
function setImplied(
  iced: typeof Iced,
  instruction: Iced.Instruction,
  i: number,
  kind: OperandKind,
  { mode, implied }: ResolvedInstruction,
): void {
  if (kind.only !== undefined) setRegister(iced, instruction, i, kind.only);
  if (kind.implies === undefined) return;
  if (implied?.segment !== undefined) instruction.segmentPrefix = registerId(iced, implied.segment);
  const letter = { 16: "", 32: "E", 64: "R" }[implied?.size ?? mode];
  if (kind.implies === "rBX") {
    instruction.setOpKind(i, iced.OpKind.Memory);
    instruction.memoryBase = registerId(iced, `${letter}BX`);
    instruction.memoryIndex = iced.Register.AL;
    return;
  }
  const name = { rSI: `MemorySeg${letter}SI`, rDI: `MemorySeg${letter}DI`, "es:rDI": `MemoryES${letter}DI` }[
    kind.implies
  ];
  instruction.setOpKind(i, iced.OpKind[name as keyof typeof Iced.OpKind]);
}
