/** The map file of an image. */
import type { PhysAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import type { Image } from "../image.ts";
import { seenChunks } from "./seen-chunks.ts";
import { imageSymbols, type ImageSymbol } from "./symbols.ts";

/** A range of physical addresses in the map. */
interface MapRange {
  readonly at: PhysAddr;
  readonly end: PhysAddr;
  readonly name: string;
}

/** How many digits addresses have in the map: as many as the end of memory needs, eight at least. */
function digitsOf(end: bigint): number {
  return Math.max(8, end.toString(16).length);
}

/**
 * A map file: every region, chunk and label with its first and last physical address and its size, in address order, and
 * the gaps between them. A label reaches to the next one; where the code sees it at another address, that follows `@`.
 *
 * @example
 * ```ts
 * console.log(imageToMap(image));
 * // 0x00000000 - 0x00000fff (0x1000 bytes) ram
 * //   0x00000000 - 0x00000004 (0x5 bytes) code guest
 * //     0x00000000 - 0x00000004 (0x5 bytes) guest.start
 * //   0x00000005 - 0x00000fff (0xffb bytes) zero
 * ```
 */
export function imageToMap(image: Image): string {
  const regions = image.memory.map(({ name, kind, at, size }) => ({
    at,
    end: at + size,
    name: kind === name ? kind : `${kind} ${name}`,
    kind,
  }));
  const chunks = seenChunks(image).map(({ name, at, bytes }) => ({ at, end: at + BigInt(bytes.length), name }));
  const labels = placedLabels(image);
  const end = regions.at(-1)?.end ?? 0n;
  const line = (indent: string, { at, end: to, name }: MapRange): string =>
    `${indent}${hex(at, digitsOf(end))} - ${hex(to - 1n, digitsOf(end))} (${hex(to - at)} bytes) ${name}`;
  const lines: string[] = [];
  for (const region of withGaps(regions, 0n, end, "no memory")) {
    lines.push(line("", region));
    if (!("kind" in region) || region.kind === "mmio" || region.kind === "reserved") continue;
    const within = chunks.map((chunk) => clip(chunk, region)).filter((chunk) => chunk.at < chunk.end);
    for (const chunk of withGaps(within, region.at, region.end, "zero")) {
      lines.push(line("  ", chunk));
      for (const label of labels) {
        const shown = clip(label, chunk);
        if (label.at >= chunk.at && shown.at < shown.end) lines.push(line("    ", shown));
      }
    }
  }
  return lines.join("\n");
}

function clip<R extends MapRange>(range: R, { at, end }: MapRange): R {
  return { ...range, at: range.at > at ? range.at : at, end: range.end < end ? range.end : end };
}

/** Ranges in address order, and what lies between them, from one address up to another. */
function withGaps<R extends MapRange>(
  ranges: readonly R[],
  from: PhysAddr,
  to: PhysAddr,
  name: string,
): readonly (R | MapRange)[] {
  const all: (R | MapRange)[] = [];
  let next: bigint = from;
  for (const range of ranges) {
    if (range.at > next) all.push({ at: next, end: range.at, name });
    all.push(range);
    next = range.end;
  }
  if (next < to) all.push({ at: next, end: to, name });
  return all;
}

/** The labels that lie in memory, each up to the next one of its program, or to the end of its part of it. */
function placedLabels(image: Image): readonly MapRange[] {
  return image.programs.flatMap((program) => {
    const parts = [program, ...program.sections].map(({ phys, size }) => ({ at: phys, end: phys + BigInt(size) }));
    const labels = imageSymbols({ programs: [program] })
      .filter((symbol): symbol is ImageSymbol & { readonly physical: bigint } => symbol.physical !== undefined)
      .toSorted((a, b) => (a.physical < b.physical ? -1 : a.physical > b.physical ? 1 : 0));
    return labels.map(({ label, address, physical }) => {
      const part = parts.find(({ at, end }) => physical >= at && physical < end);
      const next = labels.find((each) => each.physical > physical)?.physical;
      const end = part?.end ?? physical;
      return {
        at: physical,
        end: next !== undefined && next < end ? next : end,
        name: `${program.name}.${label}${address.valueOf() === physical ? "" : ` @ ${hex(address)}`}`,
      };
    });
  });
}
