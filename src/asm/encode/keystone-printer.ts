/**
 * The closed printer: the only text that Keystone ever gets. Its alphabet is mnemonics of the table, register names, sizes
 * and `0x` numbers, so nothing that an author writes reaches Keystone's parser.
 */
import { hex } from "../../core/hex.ts";
import { maskToText } from "../operands/decorators.ts";
import type { Mode } from "../mode.ts";
import type { ResolvedInstruction, ResolvedMemory, ResolvedOperand } from "./resolved.ts";
import { addressBits, neededSegment, placeholder } from "./resolved.ts";

const pointers: Readonly<Record<number, string>> = {
  0: "",
  8: "byte ptr ",
  16: "word ptr ",
  32: "dword ptr ",
  48: "fword ptr ",
  64: "qword ptr ",
  80: "tbyte ptr ",
  128: "xmmword ptr ",
  256: "ymmword ptr ",
  512: "zmmword ptr ",
};

/** The instruction as a line for Keystone. */
export function printForKeystone(instruction: ResolvedInstruction): string {
  const { mode, mnemonic, prefix, operands, decorators, broadcastTo } = instruction;
  const words = operands
    .map((operand, i) => {
      const mask = i === 0 ? maskToText(decorators) : "";
      const isElement = broadcastTo !== 0 && typeof operand === "object" && operand.kind === "memory";
      return `${printOperand(operand, mode)}${mask}${isElement ? `{1to${broadcastTo}}` : ""}`;
    })
    .concat(decorators.rounding === undefined ? [] : [`{${decorators.rounding}}`])
    .join(", ");
  return `${prefix === undefined ? "" : `${prefix} `}${mnemonic}${words === "" ? "" : ` ${words}`}`;
}

function printOperand(operand: ResolvedOperand, mode: Mode): string {
  if (typeof operand === "bigint") return hex(operand);
  if (operand.kind === "far") return `${hex(operand.selector)}:${hex(operand.offset)}`;
  return operand.kind === "register" ? operand.name.replace(/^st(\d)$/, "st($1)") : printMemory(operand, mode);
}

function printMemory(memory: ResolvedMemory, mode: Mode): string {
  const segment = neededSegment(memory);
  const registers = [memory.base, memory.index === undefined ? undefined : `${memory.index}*${memory.scale}`];
  let address = registers.filter((each) => each !== undefined).join("+");
  const displacement = memory.displacement ?? placeholder(Math.min(addressBits(memory, mode), 32));
  if (address === "") address = hex(displacement);
  else if (displacement !== 0n) address += `${displacement < 0n ? "" : "+"}${hex(displacement)}`;
  return `${pointers[memory.size] ?? ""}${segment === undefined ? "" : `${segment}:`}[${address}]`;
}
