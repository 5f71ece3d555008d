/** From bytes to instructions, in the notation of listings. */
import type * as Iced from "iced-x86";
import { decoderOf, loadIced } from "../asm/encode/iced.ts";
import type { Mode } from "../asm/mode.ts";

/** An instruction, read from its bytes. */
export interface Instruction {
  /** The address of its first byte: branches and RIP-relative operands are counted from it. */
  readonly address: bigint;
  /** 1 to 15 bytes. */
  readonly bytes: Uint8Array;
  /** In Intel syntax, with addresses for labels: `mov byte [rsi+0x4], 0x12`. */
  readonly text: string;
}

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
}

/** Loads iced-x86 on first use: 50 to 190 ms. */
export async function loadDisassembler(): Promise<Disassembler> {
  const iced = await loadIced();
  const formatter = newFormatter(iced);
  const decode = ({ bytes, mode, address }: CodeBytes, count: number): readonly Instruction[] => {
    const decoder = decoderOf(iced, mode, bytes);
    const decoded = new iced.Instruction();
    const instructions: Instruction[] = [];
    try {
      decoder.ip = address;
      while (decoder.canDecode && instructions.length < count) {
        const at = decoder.position;
        decoder.decodeOut(decoded);
        if (decoded.isInvalid) break;
        instructions.push({
          address: address + BigInt(at),
          bytes: bytes.slice(at, at + decoded.length),
          // Listings say `byte [...]`.
          text: formatter.format(decoded).replace(" ptr ", " "),
        });
      }
    } finally {
      decoded.free();
      decoder.free();
    }
    return instructions;
  };
  return {
    first: (code) => decode(code, 1)[0],
    all: (code) => decode(code, Number.POSITIVE_INFINITY),
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
