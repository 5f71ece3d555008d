/** Intel HEX: records of addressed bytes as text, for programmers and loaders (Intel's specification, revision A of 1988). */
import { hex } from "../../core/hex.ts";
import type { Image } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { entryAddress } from "./entry-address.ts";

/** How many bytes a record of data has. */
const recordBytes = 16;

/** The types of records that are written. */
const recordTypes = { data: 0, endOfFile: 1, startSegment: 3, extendedLinear: 4, startLinear: 5 } as const;

/** The first address that records cannot have. */
const intelHexEnd = 1n << 32n;

/** The text of an image: its chunks, then where it starts, as CS:IP in real mode and as a linear address in others. */
export function imageToIntelHex(image: Image): Uint8Array {
  const lines: string[] = [];
  let upper = 0n;
  for (const { at, bytes, name } of image.chunks) {
    if (at + BigInt(bytes.length) > intelHexEnd) {
      throw new LayoutError(
        `${name} ends above 4 GiB, at ${hex(at + BigInt(bytes.length))}, and Intel HEX has 32 bits`,
        {
          code: "NOT_EXPORTABLE",
          value: at,
        },
      );
    }
    for (let from = 0; from < bytes.length;) {
      const address = at + BigInt(from);
      if (address >> 16n !== upper) {
        upper = address >> 16n;
        lines.push(record(recordTypes.extendedLinear, 0, bigEndian(upper, 2)));
      }
      const low = Number(address & 0xffffn);
      // A record does not cross into the next 64 KiB: its addresses would wrap.
      const part = bytes.subarray(from, from + Math.min(recordBytes, 0x1_0000 - low));
      lines.push(record(recordTypes.data, low, part));
      from += part.length;
    }
  }
  lines.push(startRecord(image), record(recordTypes.endOfFile, 0, new Uint8Array()));
  return new TextEncoder().encode(`${lines.join("\n")}\n`);
}

function startRecord({ mode, cpu }: Image): string {
  const { selector } = cpu.segments.cs;
  if (mode === "real16") {
    const start = (BigInt(selector) << 16n) | BigInt.asUintN(16, cpu.regs.rip);
    return record(recordTypes.startSegment, 0, bigEndian(start, 4));
  }
  return record(recordTypes.startLinear, 0, bigEndian(BigInt.asUintN(32, entryAddress(cpu)), 4));
}

function bigEndian(value: bigint, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * (size - 1 - i))) & 0xffn));
}

/** `:`, the number of bytes, an address, a type, the bytes, and what makes the sum of all a multiple of 256. */
function record(type: number, address: number, data: Uint8Array): string {
  const fields = [data.length, address >> 8, address & 0xff, type, ...data];
  const sum = fields.reduce((total, each) => total + each, 0);
  return `:${[...fields, -sum & 0xff].map((each) => each.toString(16).padStart(2, "0").toUpperCase()).join("")}`;
}
