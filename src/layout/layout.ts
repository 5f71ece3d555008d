/** From a description to an image. */
import { toBytes } from "../core/units.ts";
import {
  buildPageTables,
  memoryOf,
  pagingModeOf,
  PagingError,
  walk,
  type AddressSpace,
  type FaultReason,
  type PageTables,
} from "../paging/index.ts";
import type { CpuState } from "./cpu-state.ts";
import type { Consistent, GuestDescription } from "./description/description.ts";
import { checkForm } from "./description/description-schema.ts";
import { entryModes } from "./entry/entry-mode.ts";
import { entrySegments } from "./entry/entry-segments.ts";
import { entryState } from "./entry/entry-state.ts";
import { gdtChunks, gdtOf, gdtRegister } from "./tables/gdt.ts";
import type { Image, ImageMapping, ImageWarning, MemoryRegion } from "./image.ts";
import { LayoutError } from "./layout-error.ts";
import { memoryRegions, placeChunks, requireMemory, requireNoMemory } from "./memory/memory-map.ts";
import { placesOf, stackPointer } from "./memory/places.ts";
import { assemblePrograms, entryProgram } from "./programs/programs.ts";

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

async function build(given: unknown): Promise<Image> {
  const description = await checkForm(given);
  const { mode } = description;
  const memory = memoryRegions(description);
  const mappings = mappingsOf(description, memory);
  const tables = tablesOf(description, mappings);
  const gdt = gdtOf(description);
  const segments = entrySegments(description, gdt);
  const places = placesOf(memory, mappings);
  const programs = await assemblePrograms(description, places, segments.cs);
  const entry = entryProgram(description, programs);
  const chunks = placeChunks(memory, [
    ...(tables === undefined ? [] : [{ name: "page tables", at: tables.at, bytes: tables.bytes }]),
    ...gdtChunks(gdt),
    ...programs.flatMap((each) => each.chunks),
  ]);
  const cpu = entryState(description, {
    segments,
    gdt: gdtRegister(description, gdt, mappings),
    tables,
    rip: entry.origin,
    stackPointer: stackPointer(description, places, segments.ss),
  });
  requireReachable({ memory: memoryOf(chunks, memory), cpu, mappings: mappings ?? [] }, description, cpu);
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

/** Walks the tables, as the CPU will, to the first instruction and to the first byte that is pushed. */
function requireReachable(
  space: AddressSpace & { readonly mappings: readonly ImageMapping[] },
  { stack }: GuestDescription,
  { regs, segments }: CpuState,
): void {
  if (pagingModeOf(space.cpu) === "off") return;
  const cpl = segments.cs.dpl;
  const fetch = walk(space, regs.rip, { kind: "fetch", cpl }).fault;
  if (fetch !== undefined)
    throw new LayoutError(`entry: ${fetch.message}`, {
      code: "NOT_EXECUTABLE",
      value: regs.rip,
      hint: fetchHint(fetch.reason, mappingName(space.mappings, regs.rip)),
    });
  if (stack === undefined) return;
  const push = walk(space, BigInt.asUintN(64, regs.rsp - 1n), { kind: "write", cpl }).fault;
  if (push !== undefined) throw new LayoutError(`stack: ${push.message}`, { code: "INCONSISTENT", value: stack });
}

function mappingName(mappings: readonly ImageMapping[], address: bigint): string {
  const mapping = mappings.find(({ virt, size }) => virt <= address && address < virt + size);
  return mapping === undefined ? "the mapping" : `paging.map.${mapping.name}`;
}

function fetchHint(reason: FaultReason, mapping: string): string {
  if (reason === "supervisor-only") return `set user of ${mapping}, or start with a code segment of dpl 0`;
  if (reason === "smep") return `leave user out of ${mapping}, or clear SMEP (bit 20) in cpu.cr4`;
  return `the first instruction needs ${mapping} to be there with access "rx" or "rwx"`;
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
    const mapping = {
      ...structuredClone(rest),
      name,
      virt: toBytes(virt)!,
      phys: toBytes(phys)!,
      size: toBytes(size)!,
      backing,
    };
    const check = backing === "ram" ? requireMemory : requireNoMemory;
    check(memory, { at: mapping.phys, size: mapping.size }, `paging.map.${name}`);
    return mapping;
  });
}

function tablesOf(
  { mode, paging }: GuestDescription,
  mappings: readonly ImageMapping[] | undefined,
): PageTables | undefined {
  const pagingMode = entryModes[mode].paging;
  if (paging === undefined || mappings === undefined || pagingMode === undefined) return undefined;
  try {
    return buildPageTables({ mode: pagingMode, tables: toBytes(paging.tables)!, mappings });
  } catch (error) {
    throw error instanceof PagingError ? inTermsOfLayouts(error) : error;
  }
}

/** Errors whose hints name options that only descriptions of page tables have. */
function inTermsOfLayouts(error: PagingError): Error {
  const [message] = error.message.split("\n");
  const details = { value: error.value, cause: error };
  switch (error.code) {
    case "OVERLAP":
      return new LayoutError(`paging.map: ${message}`, {
        code: "OVERLAP",
        ...details,
        hint: "give each mapping virtual addresses of its own: change virt or size of one",
      });
    case "OVER_BUDGET":
      return new LayoutError(`paging: ${message}`, { code: "DOES_NOT_FIT", ...details, hint: "use larger pages" });
    default:
      return error;
  }
}

function warningsOf(mappings: readonly ImageMapping[]): ImageWarning[] {
  return mappings
    .filter(({ access, backing }) => access === "rwx" && backing === "ram")
    .map(({ name }) => ({
      code: "WRITABLE_AND_EXECUTABLE",
      message: `paging.map.${name} is writable and executable: the guest can run what it writes`,
    }));
}
