/** From bytes to instructions, in the notation of listings. */
import type * as Iced from "iced-x86";
import { decoderOf, loadedIced, loadIced } from "../asm/encode/iced.ts";
import type { Mode } from "../asm/mode.ts";
import { examine, type ExaminedInstruction } from "./examined-instruction.ts";
import type { Instruction } from "./instruction.ts";

/** Code, and how the CPU would read it. */
export interface CodeBytes {
  readonly bytes: Uint8Array;
  /** The size of the code, in bits. */
  readonly mode: Mode;
  /** Where its first byte lies. */
  readonly address: bigint;
}

/** The longest instruction, in bytes (SDM vol. 2A, 2.3.11). */
export const MAX_INSTRUCTION_SIZE = 15;

/** Reads instructions. */
export interface Disassembler {
  /** The first instruction; `undefined` where the bytes are none, or end before it does. */
  first(code: CodeBytes): Instruction | undefined;
  /** All instructions from the first byte on, up to bytes that are none. */
  all(code: CodeBytes): readonly Instruction[];
  /** The first instruction, as {@link first}, with what its faults depend on. */
  examine(code: CodeBytes): ExaminedInstruction | undefined;
}

/** Loads iced-x86 on first use: 50 to 190 ms. */
export async function loadDisassembler(): Promise<Disassembler> {
  return newDisassembler(await loadIced());
}

/** Without waiting: `undefined` where nothing has loaded iced-x86 yet, as assembling does. */
export function loadedDisassembler(): Disassembler | undefined {
  const iced = loadedIced();
  return iced === undefined ? undefined : newDisassembler(iced);
}

type Reader<Result> = (decoded: Iced.Instruction, instruction: Instruction) => Result;

function newDisassembler(iced: typeof Iced): Disassembler {
  const formatter = newFormatter(iced);
  const decode = <Result>({ bytes, mode, address }: CodeBytes, count: number, read: Reader<Result>): Result[] => {
    const decoder = decoderOf(iced, mode, bytes);
    const decoded = new iced.Instruction();
    const instructions: Result[] = [];
    try {
      decoder.ip = address;
      while (decoder.canDecode && instructions.length < count) {
        const at = decoder.position;
        decoder.decodeOut(decoded);
        if (decoded.isInvalid) break;
        const instruction = {
          address: address + BigInt(at),
          bytes: bytes.slice(at, at + decoded.length),
          // Listings say `byte [...]`.
          text: formatter.format(decoded).replace(" ptr ", " "),
        };
        instructions.push(read(decoded, instruction));
      }
    } finally {
      decoded.free();
      decoder.free();
    }
    return instructions;
  };
  const plain: Reader<Instruction> = (_, instruction) => instruction;
  return {
    first: (code) => decode(code, 1, plain)[0],
    all: (code) => decode(code, Number.POSITIVE_INFINITY, plain),
    examine: (code) => decode(code, 1, (decoded, instruction) => examine(iced, decoded, instruction))[0],
  };
}

/** Numbers as `0x1f`, operands as `a, b`, string instructions without the operands that they imply. */
function newFormatter(iced: typeof Iced): Iced.Formatter {
  const formatter = new iced.Formatter(iced.FormatterSyntax.Masm);
  formatter.hexPrefix = "0x";
  formatter.hexSuffix = "";
  formatter.uppercaseHex = false;
  formatter.addLeadingZeroToHexNumbers = false;
  formatter.smallHexNumbersInDecimal = false;
  formatter.branchLeadingZeros = false;
  formatter.showBranchSize = false;
  formatter.spaceAfterOperandSeparator = true;
  formatter.masmAddDsPrefix32 = false;
  return formatter;
}

export type { Mode } from "../asm/mode.ts";
export type { Instruction } from "./instruction.ts";
