/**
 * Where an entry stub lies and what it has to do. The stub starts as PVH and Multiboot loaders start a guest, in 32-bit
 * protected mode without paging, moves to their places what belongs below 1 MiB, and gives the CPU the image's state.
 */
import { buildPageTables, CR0_PE, pagingModeOf, type PageTables, type PagingMode } from "../../../paging/index.ts";
import type { Chunk, Image } from "../../image.ts";
import { LayoutError } from "../../layout-error.ts";
import { smallestPage, type Range } from "../../memory/extent.ts";
import { lowMemoryEnd } from "./entry-difference.ts";
import { stubGdt } from "./stub-gdt.ts";
import { lastBytes, lastPlace, linearOf, stubPlace, type LastPlace } from "./stub-places.ts";
import { roundUp } from "../../../core/units.ts";

/** A line of the stub's table of moves: bytes that go to their place, or zeros where `from` is `undefined`. */
export interface Move {
  readonly to: bigint;
  readonly from: bigint | undefined;
  /** In bytes. */
  readonly size: bigint;
}

/** An entry stub before it is assembled. */
export interface StubPlan {
  /** Its first byte. */
  readonly at: bigint;
  /** All of it, with what it carries, in bytes. */
  readonly size: bigint;
  /** The chunks that it carries, and where it has them. */
  readonly carried: readonly { readonly chunk: Chunk; readonly at: bigint }[];
  readonly moves: readonly Move[];
  /** The table of moves. */
  readonly movesAt: bigint;
  /** Descriptors for the segment registers, by their index; the GDT itself, unlike the image's, lies in the stub. */
  readonly gdt: Uint8Array;
  readonly gdtAt: bigint;
  /** The 32-bit code, then the 64-bit code where there is any. */
  readonly codeAt: bigint;
  /** What carries the last instructions until they are moved, and where these run; only with paging. */
  readonly last: (LastPlace & { readonly carriedAt: bigint }) | undefined;
  /** The tables under which paging is switched on; only with paging. */
  readonly tables: PageTables | undefined;
}

/** What the code may take, in bytes: half for the 32-bit part with its stack, half for the 64-bit part. */
export const codeBytes = 4096n;

/** The size of a line of the table of moves, in bytes: three words of 32 bits. */
export const moveBytes = 12n;

/**
 * The most that the tables take: a root, and two tables on each of four levels below it for the two ranges that they map.
 */
const mostTables = 17n;

/** Memory of a PC that is no RAM: the adapter's and the firmware's. */
const pcHole: Range = { at: 0xa_0000n, size: 0x6_0000n };

/**
 * Plans the stub of an image.
 *
 * @param at where the author wants it; else it lies in the lowest memory from 1 MiB on that the image has no region for,
 *   up to 64 MiB, or in RAM of the image that nothing uses
 * @throws LayoutError `NOT_EXPORTABLE` for a state that no stub can make, `DOES_NOT_FIT` where there is no room
 */
export function planStub(image: Image, at?: bigint): StubPlan {
  requireStartable(image);
  const low = image.chunks.filter((chunk) => chunk.at < lowMemoryEnd);
  const gdt = stubGdt(image.cpu);
  const mode = pagingModeOf(image.cpu);
  const last = mode === "off" ? undefined : lastPlace(image);
  const zeros = zeroRanges(image);
  const moveCount = BigInt(low.length + zeros.length + (last === undefined ? 0 : 1));
  const carriedSize =
    low.reduce((sum, { bytes }) => sum + BigInt(bytes.length), 0n) + (last === undefined ? 0n : lastBytes);
  const fixed =
    roundUp(carriedSize, 16n) + roundUp(moveCount * moveBytes, 16n) + roundUp(BigInt(gdt.length), 16n) + codeBytes;
  const tableSize = mode === "off" ? 0n : mostTables * smallestPage;
  const start = stubPlace(image, roundUp(fixed, smallestPage) + tableSize, last, at);
  let next = start;
  const take = (size: bigint): bigint => {
    const taken = next;
    next += size;
    return taken;
  };
  const carried = low.map((chunk) => ({ chunk, at: take(BigInt(chunk.bytes.length)) }));
  const lastCarriedAt = last === undefined ? 0n : take(lastBytes);
  next = start + roundUp(next - start, 16n);
  const movesAt = take(roundUp(moveCount * moveBytes, 16n));
  const gdtAt = take(roundUp(BigInt(gdt.length), 16n));
  const codeAt = take(codeBytes);
  const tables =
    mode === "off" || last === undefined
      ? undefined
      : stubTables(
          mode,
          roundUp(next, smallestPage),
          { at: gdtAt, size: next - gdtAt },
          linearOf(image, last),
          last.phys,
        );
  const end = tables === undefined ? next : tables.at + BigInt(tables.bytes.length);
  return {
    at: start,
    size: end - start,
    carried,
    moves: [
      ...zeros.map(({ at: to, size }) => ({ to, from: undefined, size })),
      ...carried.map(({ chunk, at: from }) => ({ to: chunk.at.valueOf(), from, size: BigInt(chunk.bytes.length) })),
      ...(last === undefined ? [] : [{ to: last.phys, from: lastCarriedAt, size: lastBytes }]),
    ],
    movesAt,
    gdt,
    gdtAt,
    codeAt,
    last: last && { ...last, carriedAt: lastCarriedAt },
    tables,
  };
}

function requireStartable({ cpu }: Image): void {
  const { cs } = cpu.segments;
  const refused =
    (cpu.cr0 & CR0_PE) === 0n
      ? "it starts in real mode, and the loader in protected mode"
      : cs.dpl !== 0
        ? `it starts at privilege level ${cs.dpl}, and the loader at 0`
        : cs.l === 0 && cs.db === 0 && pagingModeOf(cpu) !== "off"
          ? "it starts in 16-bit code with paging"
          : undefined;
  if (refused === undefined) return;
  throw new LayoutError(`the image cannot be started by an entry stub: ${refused}`, {
    code: "NOT_EXPORTABLE",
    value: cs,
    ...((cpu.cr0 & CR0_PE) === 0n ? { hint: "export it as boot-sector or raw" } : {}),
  });
}

/** RAM below 1 MiB that is to be zero: firmware and loaders leave their own there. */
function zeroRanges({ memory, chunks }: Image): readonly Range[] {
  const free: Range[] = [];
  for (const { kind, at, size } of memory) {
    if (kind !== "ram" || at >= pcHole.at) continue;
    let next: bigint = at;
    const end = at + size < pcHole.at ? at + size : pcHole.at;
    for (const chunk of chunks) {
      if (chunk.at >= end) break;
      if (chunk.at > next) free.push({ at: next, size: chunk.at - next });
      const chunkEnd = chunk.at + BigInt(chunk.bytes.length);
      if (chunkEnd > next) next = chunkEnd;
    }
    if (next < end) free.push({ at: next, size: end - next });
  }
  return free;
}

/** Tables that map the stub's code where it lies, and the last instructions where the guest's tables have them. */
function stubTables(mode: PagingMode, at: bigint, stub: Range, lastLinear: bigint, lastPhys: bigint): PageTables {
  const first = stub.at - (stub.at % smallestPage);
  const page = (address: bigint): bigint => address - (address % smallestPage);
  const lastSize = page(lastLinear + lastBytes - 1n) - page(lastLinear) + smallestPage;
  return buildPageTables({
    mode,
    tables: at,
    pageSize: "4KiB",
    mappings: [
      {
        name: "stub",
        virt: first,
        phys: first,
        size: roundUp(stub.at + stub.size, smallestPage) - first,
        access: "rwx",
      },
      { name: "last", virt: page(lastLinear), phys: page(lastPhys), size: lastSize, access: "rwx" },
    ],
  });
}
