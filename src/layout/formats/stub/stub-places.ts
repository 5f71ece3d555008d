/** Where an entry stub and its last instructions can lie: in memory that nothing else of the image uses. */
import { hex } from "../../../core/hex.ts";
import { sizeToText } from "../../../core/units.ts";
import { CR4_SMEP, ranges } from "../../../paging/index.ts";
import type { Image } from "../../image.ts";
import { imageAddressSpace } from "../../image/address-space.ts";
import { LayoutError } from "../../layout-error.ts";
import { overlap, smallestPage, type Range } from "../../memory/extent.ts";
import { freeRange } from "../../memory/free-range.ts";
import { lowMemoryEnd } from "./entry-difference.ts";

/** The last instructions, under the guest's own page tables: in memory that they map executable. */
export interface LastPlace {
  /** As the code sees it: an offset into CS. */
  readonly origin: bigint;
  readonly phys: bigint;
}

/** What the last instructions may take, in bytes. */
export const lastBytes = 48n;

/** The stub's addresses have 32 bits. */
const stubEnd = 1n << 32n;

/** Up to here every target has memory unless told otherwise: 64 MiB. */
const usualMemory = 0x400_0000n;

/** What the image has put somewhere, with the zeros of programs and stacks, which no chunk holds. */
function usedRanges({ chunks, programs, stacks }: Image): readonly Range[] {
  return [
    ...chunks.map(({ at, bytes }) => ({ at, size: BigInt(bytes.length) })),
    ...programs
      .flatMap((program) => [program, ...program.sections])
      .map(({ phys, size }) => ({ at: phys.valueOf(), size: BigInt(size) })),
    ...stacks.map(({ phys, size }) => ({ at: phys.valueOf(), size })),
  ];
}

/** Where the last instructions are in the guest's linear addresses. */
export function linearOf({ cpu: { segments } }: Image, { origin }: LastPlace): bigint {
  return segments.cs.l === 1 ? origin : BigInt.asUintN(32, segments.cs.base + origin);
}

/** The lowest memory that the guest's tables map executable and that nothing of the image lies in. */
export function lastPlace(image: Image): LastPlace {
  const { cpu, memory } = image;
  const { cs } = cpu.segments;
  const backed = memory.filter(({ kind }) => kind === "ram" || kind === "rom");
  const taken = usedRanges(image);
  const executable = ranges(imageAddressSpace(image)).ranges.filter(
    ({ access, user }) => access.includes("x") && (!user || (cpu.cr4 & CR4_SMEP) === 0n),
  );
  for (const { virt, phys, size } of executable) {
    const within = backed
      .filter((region) => overlap(region, { at: phys, size }))
      .map((region) => intersection(region, { at: phys, size }));
    const found = freeRange(within, taken, { size: lastBytes, align: 1n, below: stubEnd });
    if (found === undefined) continue;
    const linear = virt + (found.at - phys);
    const origin = cs.l === 1 ? linear : linear - cs.base;
    if (origin < 0n || (cs.l === 0 && origin + lastBytes > BigInt(cs.limit) + 1n)) continue;
    return { origin, phys: found.at };
  }
  throw new LayoutError(
    `the entry stub needs ${lastBytes} bytes of memory that the guest's page tables map executable and that nothing lies in`,
    {
      code: "DOES_NOT_FIT",
      value: image.paging?.mappings,
      hint: "make an executable mapping larger, or leave some room in it",
    },
  );
}

function intersection(a: Range, b: Range): Range {
  const at = a.at > b.at ? a.at : b.at;
  const end = a.at + a.size < b.at + b.size ? a.at + a.size : b.at + b.size;
  return { at, size: end - at };
}

/** Where the stub lies. `wanted` is where the author wants it. */
export function stubPlace(image: Image, size: bigint, last: LastPlace | undefined, wanted: bigint | undefined): bigint {
  const taken = [...usedRanges(image)];
  // While paging is switched on, the stub's own addresses and the page of the last instructions are mapped at once.
  if (last !== undefined) {
    const linear = linearOf(image, last);
    taken.push({ at: linear - (linear % smallestPage), size: 2n * smallestPage });
    taken.push({ at: last.phys, size: lastBytes });
  }
  const { memory } = image;
  const devices = memory.filter(({ kind }) => kind !== "ram");
  const unbacked = (image.paging?.mappings ?? [])
    .filter(({ backing }) => backing === "none")
    .map(({ phys, size: length }) => ({ at: phys.valueOf(), size: length }));
  taken.push(...devices, ...unbacked);
  if (wanted !== undefined) {
    requirePlace({ at: wanted, size }, taken);
    return wanted;
  }
  const request = { size, align: smallestPage, below: stubEnd };
  const beyond = freeRange([{ at: lowMemoryEnd, size: usualMemory - lowMemoryEnd }], [...taken, ...memory], request);
  const inside = (): Range | undefined =>
    freeRange(
      memory.filter(({ kind, at, size: length }) => kind === "ram" && at + length > lowMemoryEnd),
      [...taken, { at: 0n, size: lowMemoryEnd }],
      request,
    );
  const found = beyond ?? inside();
  if (found !== undefined) return found.at;
  throw new LayoutError(`the entry stub takes ${sizeToText(size)}, and there is no room for it from 1 MiB on`, {
    code: "DOES_NOT_FIT",
    value: size,
    hint: "say with stubAt where it may lie",
  });
}

function requirePlace({ at, size }: Range, taken: readonly Range[]): void {
  const problem =
    at < lowMemoryEnd
      ? "below 1 MiB, where loaders keep their own"
      : at % smallestPage !== 0n
        ? "not at a multiple of 4096"
        : at + size > stubEnd
          ? "beyond the 32 bits of its addresses"
          : taken.some((each) => overlap(each, { at, size }))
            ? "where the image has something"
            : undefined;
  if (problem === undefined) return;
  throw new LayoutError(`stubAt: the entry stub would lie at ${hex(at)}, ${problem}`, {
    code: "DOES_NOT_FIT",
    value: at,
    hint: `it takes ${sizeToText(size)}`,
  });
}
