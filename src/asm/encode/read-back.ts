/** Reading back: whether decoded bytes are the instruction that was written. */
import type * as Iced from "iced-x86";
import type { Form } from "../instructions/form.ts";
import type { WrittenOperand } from "../instructions/operand-kind.ts";
import type { Mode } from "../mode.ts";
import { registerId, widen } from "./register-id.ts";
import type { ResolvedInstruction, ResolvedMemory, ResolvedOperand } from "./resolved.ts";
import { addressBits, neededSegment, roundingControls } from "./resolved.ts";

/** Compares decoded instructions with what was written. */
export class ReadBack {
  readonly #iced: typeof Iced;

  constructor(iced: typeof Iced) {
    this.#iced = iced;
  }

  /** Which of the forms that fit `decoded` is, with exactly the written prefix and operands; `undefined` if none. */
  formOf(decoded: Iced.Instruction, forms: readonly Form[], written: ResolvedInstruction): Form | undefined {
    const { code } = decoded;
    const form = forms.find((each) => each.code === code);
    if (form === undefined || !this.#samePrefix(decoded, written) || !this.#sameDecorators(decoded, written))
      return undefined;
    const kinds = form.written;
    if (kinds.length !== written.operands.length) return undefined;
    const isSame = written.operands.every((operand, i) => this.#sameOperand(decoded, kinds[i]!, operand, written));
    return isSame && this.#sameImplied(decoded, form, written) ? form : undefined;
  }

  #sameOperand(
    decoded: Iced.Instruction,
    kind: WrittenOperand,
    operand: ResolvedOperand,
    { mode, prefix }: ResolvedInstruction,
  ): boolean {
    const { OpKind } = this.#iced;
    const { position } = kind;
    if (typeof operand === "bigint") return sameNumber(decoded, kind, operand, mode);
    if (operand.kind === "far") {
      return (
        decoded.opKind(position) === OpKind[`FarBranch${kind.far!}`] &&
        decoded.farBranchSelector === operand.selector &&
        sameNumber(decoded, kind, operand.offset, mode)
      );
    }
    if (operand.kind === "memory") {
      return (
        decoded.opKind(position) === OpKind.Memory &&
        this.#sameMemory(decoded, operand, addressBits(operand, mode), prefix)
      );
    }
    if (decoded.opKind(position) !== OpKind.Register) return false;
    const register = decoded.opRegister(position);
    if (register === registerId(this.#iced, operand.name)) return true;
    return (
      operand.class === "r16" &&
      (kind.register === "r32" || kind.register === "r64") &&
      register === registerId(this.#iced, widen(operand.name, kind.register))
    );
  }

  #sameMemory(
    decoded: Iced.Instruction,
    memory: ResolvedMemory,
    bits: number,
    prefix: ResolvedInstruction["prefix"],
  ): boolean {
    const { Register } = this.#iced;
    const segment = prefix === "notrack" ? "ds" : neededSegment(memory);
    return (
      decoded.memoryBase === this.#register(memory.base) &&
      decoded.memoryIndex === this.#register(memory.index) &&
      (memory.index === undefined || decoded.memoryIndexScale === memory.scale) &&
      (memory.displacement === undefined || sameDisplacement(decoded, memory.displacement, bits)) &&
      decoded.segmentPrefix === (segment === undefined ? Register.None : registerId(this.#iced, segment)) &&
      (memory.base !== undefined || memory.index !== undefined || decoded.memoryDisplSize === bits / 8)
    );
  }

  #sameDecorators(decoded: Iced.Instruction, { decorators }: ResolvedInstruction): boolean {
    const { RoundingControl } = this.#iced;
    const { mask, zeroing, broadcast, rounding } = decorators;
    return (
      decoded.opMask === this.#register(mask) &&
      decoded.zeroingMasking === zeroing &&
      decoded.isBroadcast === (broadcast !== false) &&
      decoded.roundingControl === RoundingControl[roundingControls[rounding ?? "sae"]] &&
      decoded.suppressAllExceptions === (rounding === "sae")
    );
  }

  #samePrefix(decoded: Iced.Instruction, { prefix }: ResolvedInstruction): boolean {
    return (
      decoded.hasLockPrefix === (prefix === "lock") &&
      decoded.hasRepPrefix === (prefix === "rep" || prefix === "repe") &&
      decoded.hasRepnePrefix === (prefix === "repne") &&
      (prefix !== "notrack" || decoded.segmentPrefix === this.#iced.Register.DS)
    );
  }

  #register(name: string | undefined): number {
    return name === undefined ? this.#iced.Register.None : registerId(this.#iced, name);
  }

  /** A string instruction's implied addresses have the mode's own size and the default segment. */
  #sameImplied(decoded: Iced.Instruction, form: Form, { mode, implied }: ResolvedInstruction): boolean {
    const { OpKind, Register } = this.#iced;
    if (!form.kinds.some((kind) => kind.implies !== undefined)) return true;
    const segment = implied?.segment === undefined ? Register.None : registerId(this.#iced, implied.segment);
    if (decoded.segmentPrefix !== segment) return false;
    const letter = { 16: "", 32: "E", 64: "R" }[implied?.size ?? mode];
    const ofMode = [`MemorySeg${letter}SI`, `MemorySeg${letter}DI`, `MemoryES${letter}DI`].map(
      (name) => OpKind[name as keyof typeof Iced.OpKind],
    );
    return form.kinds.every((kind, i) => {
      if (kind.implies === undefined) return true;
      const opKind = decoded.opKind(i);
      if (opKind === OpKind.Memory) return decoded.memoryBase === registerId(this.#iced, `${letter}bx`.toLowerCase());
      return ofMode.includes(opKind);
    });
  }
}

/** Whether a number that is no displacement is the written one: what a branch or far pointer points to, or an immediate. */
export function sameNumber(decoded: Iced.Instruction, kind: WrittenOperand, written: bigint, mode: Mode): boolean {
  if (kind.branch !== undefined) return decoded.nearBranchTarget === BigInt.asUintN(mode, written);
  if (kind.constant !== undefined) return kind.constant === written;
  if (kind.far !== undefined) {
    const target = kind.far === 16 ? decoded.farBranch16 : decoded.farBranch32;
    return BigInt(target) === BigInt.asUintN(kind.far, written);
  }
  const { extendedTo } = kind.immediate!;
  return BigInt.asUintN(extendedTo, decoded.immediate(kind.position)) === BigInt.asUintN(extendedTo, written);
}

/** Whether the displacement of an address of `bits` is the written one. */
export function sameDisplacement(decoded: Iced.Instruction, written: bigint, bits: number): boolean {
  return BigInt.asUintN(bits, decoded.memoryDisplacement) === BigInt.asUintN(bits, written);
}
