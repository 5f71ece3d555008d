/** The first sector of a disk, as a PC's firmware starts it: 512 bytes at 0x7c00 in real mode (BIOS Boot Specification, 6). */
import { hex } from "../../core/hex.ts";
import type { Image } from "../image.ts";
import { imageToBytes } from "../image/image-bytes.ts";
import { entryAddress } from "./entry-address.ts";
import type { ExportFinding } from "./image-file.ts";

/** Where the firmware puts the sector, and how long it is. */
export const bootSector = { at: 0x7c00n, size: 512n } as const;

/** The last two bytes, without which firmware takes no disk for bootable: 0x55, 0xaa. */
const signature = [0x55, 0xaa] as const;
const signatureAt = 510;

/** What keeps an image from being a boot sector. */
export function checkBootSector(image: Image): readonly Omit<ExportFinding, "target">[] {
  const { at, size } = bootSector;
  const impossible = (message: string, hint: string): Omit<ExportFinding, "target"> => ({
    kind: "impossible",
    message,
    hint,
  });
  if (image.mode !== "real16")
    return [impossible(`it starts in ${image.mode}, and firmware in real mode`, "use mode real16")];
  const { cs } = image.cpu.segments;
  const entry = entryAddress(image.cpu);
  const findings: Omit<ExportFinding, "target">[] = [];
  if (entry !== at)
    findings.push(impossible(`it starts at ${hex(entry)}, and firmware at 0x7c00`, "put the program at 0x7c00"));
  const outside = image.chunks.find((chunk) => chunk.at < at || chunk.at + BigInt(chunk.bytes.length) > at + size);
  if (outside !== undefined) {
    const range = `${hex(outside.at)}..${hex(outside.at + BigInt(outside.bytes.length) - 1n)}`;
    const hint = "keep to 0x7c00..0x7dff, and have the guest load the rest from the disk";
    findings.push(impossible(`${outside.name} lies at ${range}, and firmware loads 0x7c00..0x7dff alone`, hint));
  } else if (!hasRoom(image)) {
    findings.push(
      impossible("the bytes at 0x7dfe are neither free nor 55 aa, the sign of a boot sector", "end before 0x7dfe"),
    );
  }
  if (cs.selector !== 0) {
    const hint = "start with CS 0, or begin with a far jump";
    findings.push({ kind: "differs", message: `it starts with CS ${hex(cs.selector)}, and firmware with 0`, hint });
  }
  const stack = image.cpu.regs.rsp;
  if (stack !== 0n) {
    const hint = "set SP in the guest's code";
    findings.push({ kind: "differs", message: `it starts with SP ${hex(stack)}, and firmware leaves its own`, hint });
  }
  return findings;
}

function sectorOf(image: Image): Uint8Array {
  return imageToBytes(image, { at: bootSector.at, size: bootSector.size });
}

function hasRoom(image: Image): boolean {
  const bytes = sectorOf(image);
  const last = image.chunks.at(-1);
  const isFree = last === undefined || last.at + BigInt(last.bytes.length) <= bootSector.at + BigInt(signatureAt);
  return isFree || signature.every((byte, i) => bytes[signatureAt + i] === byte);
}

/** The sector, with its signature. */
export function imageToBootSector(image: Image): Uint8Array {
  const bytes = sectorOf(image);
  bytes.set(signature, signatureAt);
  return bytes;
}
