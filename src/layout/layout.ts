/** From a description to an image. */
import { assemble, type AnyCode } from "../asm/index.ts";
import type { PhysAddr, VirtAddr } from "../core/address.ts";
import { hex } from "../core/hex.ts";
import { toBytes } from "../core/units.ts";
import { buildPageTables, type PageTables } from "../paging/index.ts";
import type { Consistent, GuestDescription, PlaceDescription } from "./description.ts";
import { checkForm } from "./description-schema.ts";
import { entryModes } from "./entry-mode.ts";
import { entryState } from "./entry-state.ts";
import { entrySegments, gdtChunks, gdtOf } from "./gdt.ts";
import type { Image, ImageGdt, ImageMapping, ImageProgram, ImageWarning, MemoryRegion } from "./image.ts";
import { LayoutError } from "./layout-error.ts";
import { memoryRegions, placeChunks, requireMemory, requireNoMemory } from "./memory-map.ts";

/** A description on its way to an image. */
export interface Layout {
  /**
   * Builds the image: assembles the programs, builds the tables, derives the entry state, and checks that all of it goes
   * together.
   *
   * @throws LayoutError, PagingError or AsmError, whichever part of the description is wrong
   */
  build(): Promise<Image>;
}

/**
 * Describes a guest: its memory, its page tables, its segments, its code, and the CPU that starts it. Everything in the
 * image derives from this one value.
 *
 * @example
 * ```ts
 * const image = await layout({
 *   mode: "real16",
 *   memory: { ram: { at: 0x0, size: "4KiB" } },
 *   place: { guest: { code: code16().hlt(), in: "ram" } },
 * }).build();
 * ```
 */
export function layout<const D extends GuestDescription>(description: D & Consistent<D>): Layout {
  return { build: () => build(description) };
}

/** A place that programs and stacks can be put in: a mapping, or memory where there is no paging. */
interface Place {
  readonly name: string;
  /** As the guest's linear addresses have it. */
  readonly virt: VirtAddr;
  readonly phys: PhysAddr;
  readonly size: bigint;
  readonly executable: boolean;
}

async function build(given: unknown): Promise<Image> {
  const description = await checkForm(given);
  const { mode } = description;
  const memory = memoryRegions(description);
  const mappings = mappingsOf(description, memory);
  const tables = tablesOf(description, mappings);
  const gdt = gdtOf(description);
  const places = placesOf(memory, mappings);
  const programs = await assemblePrograms(description, places, gdt);
  const entry = entryProgram(description, programs);
  const stack = description.stack === undefined ? undefined : findPlace(places, description.stack, "stack");
  const cpu = entryState(description, {
    gdt,
    tables,
    rip: entry.program.origin,
    stackPointer: stack === undefined ? undefined : stackPointer(description, stack, gdt),
    toVirtual: (at) => toVirtual(places, at, "the GDT"),
  });
  const chunks = placeChunks(memory, [
    ...(tables === undefined ? [] : [{ name: "page tables", at: tables.at, bytes: tables.bytes }]),
    ...gdtChunks(gdt),
    ...programs.map(({ program, bytes }) => ({ name: `code ${program.name}`, at: program.phys, bytes })),
  ]);
  return {
    mode,
    memory,
    chunks,
    cpu,
    gdt,
    paging: tables && { mode: tables.mode, root: tables.root, mappings: mappings!, requires: tables.requires },
    programs: programs.map(({ program }) => program),
    warnings: warningsOf(mappings ?? []),
  };
}

function mappingsOf({ mode, paging }: GuestDescription, memory: readonly MemoryRegion[]): ImageMapping[] | undefined {
  if ((paging === undefined) !== (entryModes[mode].paging === undefined)) {
    throw new LayoutError(`paging: ${mode} ${paging === undefined ? "needs page tables" : "has no paging"}`, {
      code: "INCONSISTENT",
      value: paging,
    });
  }
  if (paging === undefined) return undefined;
  return Object.entries(paging.map).map(([name, { virt, phys, size, backing = "ram", ...rest }]) => {
    const mapping = { ...rest, name, virt: toBytes(virt)!, phys: toBytes(phys)!, size: toBytes(size)!, backing };
    const check = backing === "ram" ? requireMemory : requireNoMemory;
    check(memory, { at: mapping.phys, size: mapping.size }, `paging.map.${name}`);
    return mapping;
  });
}

function tablesOf({ mode, paging }: GuestDescription, mappings: readonly ImageMapping[] | undefined): PageTables | undefined {
  const pagingMode = entryModes[mode].paging;
  if (paging === undefined || mappings === undefined || pagingMode === undefined) return undefined;
  return buildPageTables({ mode: pagingMode, tables: toBytes(paging.tables)!, mappings });
}

function placesOf(memory: readonly MemoryRegion[], mappings: readonly ImageMapping[] | undefined): readonly Place[] {
  if (mappings === undefined) return memory.map(({ name, at, size }) => ({ name, virt: at as bigint, phys: at, size, executable: true }));
  return mappings.map(({ access, ...mapping }) => ({ ...mapping, executable: access.includes("x") }));
}

function findPlace(places: readonly Place[], name: string, path: string): Place {
  const place = places.find((each) => each.name === name);
  if (place !== undefined) return place;
  throw new LayoutError(`${path}: no place is named ${JSON.stringify(name)}`, {
    code: "UNKNOWN_NAME",
    value: name,
    hint: `there is ${places.map((each) => each.name).join(", ")}`,
  });
}

function toVirtual(places: readonly Place[], at: PhysAddr, what: string): VirtAddr {
  const place = places.find(({ phys, size }) => phys <= at && at < phys + size);
  if (place !== undefined) return at - place.phys + place.virt;
  throw new LayoutError(`${what} lies at physical ${hex(at)}, which no mapping covers: the guest could not reach it`, {
    code: "INCONSISTENT",
    value: at,
  });
}

/** What CS adds to an offset: 64-bit code ignores the base of its segment (SDM vol. 3A, 3.4.4). */
function codeBase(description: GuestDescription, gdt: ImageGdt | undefined): bigint {
  return description.mode === "long64" ? 0n : entrySegments(description, gdt).cs.base;
}

function stackPointer(description: GuestDescription, stack: Place, gdt: ImageGdt | undefined): VirtAddr {
  if (description.cpu?.rsp !== undefined) {
    throw new LayoutError("stack: cpu.rsp is given too; give one of them", { code: "INCONSISTENT", value: description.stack });
  }
  const base = description.mode === "long64" ? 0n : entrySegments(description, gdt).ss.base;
  return stack.virt + stack.size - base;
}

interface AssembledProgram {
  readonly program: ImageProgram;
  readonly bytes: Uint8Array;
}

async function assemblePrograms(
  description: GuestDescription,
  places: readonly Place[],
  gdt: ImageGdt | undefined,
): Promise<AssembledProgram[]> {
  const base = codeBase(description, gdt);
  const programs: AssembledProgram[] = [];
  for (const [name, place] of Object.entries(description.place)) programs.push(await assembleInto(name, place, places, base));
  return programs;
}

async function assembleInto(
  name: string,
  { code, in: placeName, offset = 0 }: PlaceDescription,
  places: readonly Place[],
  base: bigint,
): Promise<AssembledProgram> {
  const place = findPlace(places, placeName, `place.${name}.in`);
  const from = toBytes(offset)!;
  const { mode, origin, bytes, labels, listing } = await assemble(code as AnyCode, { origin: place.virt + from - base });
  if (from + BigInt(bytes.length) > place.size) {
    throw new LayoutError(`place.${name}: ${bytes.length} bytes at offset ${hex(from)} do not fit ${placeName}, which has ${place.size}`, {
      code: "DOES_NOT_FIT",
      value: bytes.length,
    });
  }
  if (!place.executable && listing.some(({ kind }) => kind === "instruction")) {
    throw new LayoutError(`place.${name}: it holds code, but ${placeName} is mapped without x`, {
      code: "NOT_EXECUTABLE",
      value: placeName,
    });
  }
  const program = { name, mode, origin, phys: place.phys + from, size: bytes.length, labels: Object.fromEntries(labels), listing };
  return { program, bytes };
}

function entryProgram(description: GuestDescription, programs: readonly AssembledProgram[]): AssembledProgram {
  const { mode, entry } = description;
  if (entry === undefined && programs.length !== 1) {
    throw new LayoutError(`entry: there are ${programs.length} programs, so it must name the one that runs first`, {
      code: "INCONSISTENT",
      value: entry,
    });
  }
  const found = entry === undefined ? programs[0] : programs.find(({ program }) => program.name === entry);
  if (found === undefined) {
    throw new LayoutError(`entry: no program is named ${JSON.stringify(entry)}`, {
      code: "UNKNOWN_NAME",
      value: entry,
      hint: `there is ${programs.map(({ program }) => program.name).join(", ")}`,
    });
  }
  const { bits } = entryModes[mode];
  if (found.program.mode !== bits) {
    throw new LayoutError(`entry: ${mode} starts in ${bits}-bit code, but ${found.program.name} is ${found.program.mode}-bit code`, {
      code: "INCONSISTENT",
      value: found.program.mode,
    });
  }
  return found;
}

function warningsOf(mappings: readonly ImageMapping[]): ImageWarning[] {
  return mappings
    .filter(({ access, backing }) => access === "rwx" && backing === "ram")
    .map(({ name }) => ({
      code: "WRITABLE_AND_EXECUTABLE",
      message: `paging.map.${name} is writable and executable: the guest can run what it writes`,
    }));
}
