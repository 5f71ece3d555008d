/** ELF files of images: as they are, or with what PVH and Multiboot loaders look for. */
import { hex } from "../../core/hex.ts";
import { show } from "../../core/show.ts";
import { toBytes } from "../../core/units.ts";
import type { Chunk, Image } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { ELF, type ElfClass } from "./elf/elf-structs.ts";
import { chunkSections, elfSections, elfSymbols, type ChunkContents, type ChunkSection } from "./elf/image-sections.ts";
import { writeElf, type ElfContents, type ElfSection, type ElfSegment } from "./elf/write-elf.ts";
import { entryAddress } from "./entry-address.ts";
import type { ExportOptions, ImageFile } from "./image-file.ts";
import { assembleStub } from "./stub/assemble-stub.ts";
import { entryDifferences } from "./stub/entry-difference.ts";
import { codeBytes, planStub, type StubPlan } from "./stub/plan-stub.ts";

type Written = Pick<ImageFile, "bytes" | "entry" | "stub">;

/** The machine of each class of ELF files. */
const machines: Readonly<Record<ElfClass, bigint>> = { 32: ELF.EM_386, 64: ELF.EM_X86_64 };

/** Throws where the image has an address that files of the class cannot have. */
export function requireReach(image: Image, bits: ElfClass, entry: bigint): void {
  const end = 1n << BigInt(bits);
  const beyond = image.chunks.find(({ at, bytes }) => at + BigInt(bytes.length) > end);
  if (beyond === undefined && entry < end) return;
  const what = beyond === undefined ? `it starts at ${hex(entry)}` : `${beyond.name} lies at ${hex(beyond.at)}`;
  throw new LayoutError(`${what}, and addresses in the file have ${bits} bits`, {
    code: "NOT_EXPORTABLE",
    value: beyond?.at ?? entry,
    hint: "use a format with 64-bit addresses: elf64 or pvh",
  });
}

/** The chunks at their physical and virtual addresses, with sections and symbols. */
export function imageToElf(image: Image, bits: ElfClass): Written {
  const entry = entryAddress(image.cpu);
  const chunks = chunkSections(image, bits);
  const loaded = loadSegments(chunks);
  const bytes = elfBytes(image, bits, entry, {
    chunks,
    loaded,
    preamble: new Uint8Array(),
    more: [],
    moreSections: [],
  });
  return { bytes, entry, stub: undefined };
}

interface Loaded {
  readonly segments: readonly ElfSegment[];
  readonly contentsOf: (chunk: Chunk) => ChunkContents;
}

/** A segment for each chunk, where it lies. */
function loadSegments(chunks: readonly ChunkSection[]): Loaded {
  const contents = new Map<Chunk, ElfContents>();
  const segments = chunks.map(({ chunk, linear, access }): ElfSegment => {
    const own = { bytes: chunk.bytes, address: linear };
    contents.set(chunk, own);
    return { type: ELF.PT_LOAD, flags: access, vaddr: linear, paddr: chunk.at, align: 16n, contents: own };
  });
  return { segments, contentsOf: (chunk) => ({ contents: contents.get(chunk)!, offset: 0 }) };
}

interface Parts {
  readonly chunks: readonly ChunkSection[];
  readonly loaded: Loaded;
  readonly preamble: Uint8Array;
  /** Segments besides those that are loaded, and sections that are no chunks. */
  readonly more: readonly ElfSegment[];
  readonly moreSections: readonly ElfSection[];
}

function elfBytes(image: Image, bits: ElfClass, entry: bigint, parts: Parts): Uint8Array {
  const sections = elfSections(parts.chunks, parts.loaded.contentsOf);
  return writeElf({
    class: bits,
    machine: machines[bits],
    entry,
    preamble: parts.preamble,
    segments: [...parts.loaded.segments.toSorted((a, b) => (a.vaddr < b.vaddr ? -1 : 1)), ...parts.more],
    sections: [...sections.values(), ...parts.moreSections],
    symbols: elfSymbols(image, parts.chunks, sections).filter(({ address }) => address >> BigInt(bits) === 0n),
  });
}

/** `XEN_ELFNOTE_PHYS32_ENTRY` of `xen/interface/elfnote.h`: the 32-bit entry point. */
const physicalEntryNote = 18;

/** A PVH file: ELF64 with one note that says where 32-bit code begins. */
export async function imageToPvh(image: Image, options: ExportOptions): Promise<Written> {
  const { loaded, entry, stub, chunks, moreSections } = await bootable(image, 64, options);
  const note = new Uint8Array(24);
  const view = new DataView(note.buffer);
  // The sizes of name and descriptor, the type, the name, and the address, which loaders read as 4 or as 8 bytes.
  [4, 8, physicalEntryNote].forEach((word, i) => view.setUint32(i * 4, word, true));
  note.set(new TextEncoder().encode("Xen\0"), 12);
  view.setBigUint64(16, entry, true);
  const contents = { bytes: note, address: 0n };
  const section = {
    name: ".note.Xen",
    type: ELF.SHT_NOTE,
    flags: 0n,
    address: 0n,
    align: 4n,
    contents,
    offset: 0,
    size: note.length,
  };
  const segment = { type: ELF.PT_NOTE, flags: ELF.PF_R, vaddr: 0n, paddr: 0n, align: 4n, contents };
  const parts = {
    chunks,
    loaded,
    preamble: new Uint8Array(),
    more: [segment],
    moreSections: [...moreSections, section],
  };
  return { bytes: elfBytes(image, 64, entry, parts), entry, stub };
}

/** The magic number of a Multiboot header (Multiboot specification 0.6.96, 3.1.2). */
const multibootMagic = 0x1bad_b002;

/** A Multiboot file: ELF32 with a header in its first 8 KiB. Loaders take addresses from the program headers. */
export async function imageToMultiboot(image: Image, options: ExportOptions): Promise<Written> {
  const { loaded, entry, stub, chunks, moreSections } = await bootable(image, 32, options);
  const preamble = new Uint8Array(12);
  const view = new DataView(preamble.buffer);
  // The magic number, no flags, and what makes their sum 0.
  [multibootMagic, 0, -multibootMagic].forEach((word, i) => view.setUint32(i * 4, word >>> 0, true));
  return { bytes: elfBytes(image, 32, entry, { chunks, loaded, preamble, more: [], moreSections }), entry, stub };
}

/** What a loader that starts 32-bit code is given: the image as it is, or with a stub. */
async function bootable(
  image: Image,
  bits: ElfClass,
  options: ExportOptions,
): Promise<{
  readonly loaded: Loaded;
  readonly entry: bigint;
  readonly stub: ImageFile["stub"];
  readonly chunks: readonly ChunkSection[];
  readonly moreSections: readonly ElfSection[];
}> {
  const chunks = chunkSections(image, bits);
  const plan = stubPlanOf(image, options);
  if (plan === undefined) {
    return { loaded: loadSegments(chunks), entry: entryAddress(image.cpu), stub: undefined, chunks, moreSections: [] };
  }
  const contents = { bytes: await assembleStub(image, plan), address: plan.at };
  const stays = loadSegments(chunks.filter(({ chunk }) => !plan.carried.some((each) => each.chunk === chunk)));
  const access = ELF.PF_R | ELF.PF_W | ELF.PF_X;
  const segment = { type: ELF.PT_LOAD, flags: access, vaddr: plan.at, paddr: plan.at, align: 16n, contents };
  const section: ElfSection = {
    ...{ name: ".stub", type: ELF.SHT_PROGBITS, flags: ELF.SHF_ALLOC | ELF.SHF_EXECINSTR, align: 1n },
    ...{ address: plan.codeAt, contents, offset: Number(plan.codeAt - plan.at), size: Number(codeBytes) },
  };
  const contentsOf = (chunk: Chunk): ChunkContents => {
    const carried = plan.carried.find((each) => each.chunk === chunk);
    return carried === undefined ? stays.contentsOf(chunk) : { contents, offset: Number(carried.at - plan.at) };
  };
  return {
    loaded: { segments: [segment, ...stays.segments], contentsOf },
    entry: plan.codeAt,
    stub: { at: plan.at, size: plan.size },
    chunks,
    moreSections: [section],
  };
}

/** The stub of an image; `undefined` where it can do without. */
export function stubPlanOf(image: Image, { stub = "auto", stubAt }: ExportOptions): StubPlan | undefined {
  if (stub !== "auto" && stub !== "never") {
    throw new LayoutError(`stub: expected "auto" or "never", got ${show(stub)}`, {
      code: "BAD_DESCRIPTION",
      value: stub,
    });
  }
  const at = stubAt === undefined ? undefined : toBytes(stubAt);
  if (stubAt !== undefined && at === undefined) {
    throw new LayoutError(`stubAt: expected an address such as 0x200000, got ${show(stubAt)}`, {
      code: "BAD_DESCRIPTION",
      value: stubAt,
    });
  }
  const differences = entryDifferences(image);
  if (stub === "auto") return differences.length === 0 ? undefined : planStub(image, at);
  const [first] = differences;
  if (image.mode === "protected32" || first === undefined) return undefined;
  throw new LayoutError(`the image cannot start as the loader starts it: ${first}`, {
    code: "NOT_EXPORTABLE",
    value: stub,
    hint: 'leave stub out, or say "auto"',
  });
}
