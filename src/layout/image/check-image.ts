/** Whether plain data is an image: what runners and file formats rely on, for images that come from elsewhere. */
import { hex } from "../../core/hex.ts";
import { pagingModes } from "../../paging/index.ts";
import { entryModes } from "../entry/entry-mode.ts";
import type { Image } from "../image.ts";
import { smallestPage } from "../memory/extent.ts";
import {
  badImage,
  bytes,
  list,
  object,
  oneOf,
  optional,
  record,
  type Shape,
  text,
  unsigned,
  wholeUpTo,
} from "./shape.ts";

const u64 = unsigned(64);
/** MAXPHYADDR is at most 52 (SDM vol. 3A, 4.1.4). */
const physical = unsigned(52);
const flag = wholeUpTo(1);
const u16 = wholeUpTo(0xffff);
const u32 = wholeUpTo(0xffff_ffff);
const length = wholeUpTo(Number.MAX_SAFE_INTEGER);

const fields = (names: string, shape: Shape): Readonly<Record<string, Shape>> =>
  Object.fromEntries(names.split(" ").map((name) => [name, shape]));

const segment = object({
  base: u64,
  limit: u32,
  selector: u16,
  type: wholeUpTo(15),
  dpl: wholeUpTo(3),
  ...fields("present db s l g avl unusable", flag),
});

const tableRegister = object({ base: u64, limit: u16 });

const cpu = object({
  regs: object(fields("rax rbx rcx rdx rsi rdi rsp rbp r8 r9 r10 r11 r12 r13 r14 r15 rip rflags", u64)),
  segments: object(fields("cs ds es fs gs ss tr ldt", segment)),
  gdt: tableRegister,
  idt: tableRegister,
  ...fields("cr0 cr2 cr3 cr4 cr8 efer", u64),
});

const kinds = ["ram", "rom", "alias", "mmio", "reserved"];
const region = object({ name: text, kind: oneOf(kinds), at: physical, size: physical });
const alias = object({ of: text, offset: physical });

const entry = object({ name: text, selector: u16, descriptor: object({ type: text }) });

const part = { name: text, origin: u64, phys: physical, size: length };
const source = object({ file: text, line: length, column: length });
const line = object({
  kind: oneOf(["instruction", "label", "data"]),
  address: u64,
  bytes,
  text,
  writer: optional(text),
  source: optional(source),
});

const image = object({
  mode: oneOf(Object.keys(entryModes)),
  memory: list(region),
  chunks: list(object({ name: text, at: physical, bytes })),
  cpu,
  gdt: optional(object({ at: optional(physical), entries: list(entry) })),
  ldts: list(object({ name: text, at: physical, entries: list(entry) })),
  tasks: list(object({ name: text, at: physical, state: object({}) })),
  idt: optional(object({ at: physical, vectors: list(object({ vector: wholeUpTo(255) })) })),
  paging: optional(
    object({
      mode: oneOf(Object.keys(pagingModes)),
      root: physical,
      mappings: list(
        object({ name: text, virt: u64, phys: physical, size: u64, access: oneOf(["r", "rw", "rx", "rwx"]) }),
      ),
      found: list(text),
    }),
  ),
  stacks: list(object({ name: text, virt: u64, phys: physical, size: u64 })),
  e820: optional(object({ at: physical, virt: u64, entries: list(object({})) })),
  symbols: record(u64),
  programs: list(object({ ...part, sections: list(object(part)), labels: record(u64), listing: list(line) })),
  warnings: list(object({ code: text, message: text })),
});

/**
 * The same value, once it is known to be an image: its form, regions that are whole pages and do not overlap, aliases of
 * regions that there are, chunks in address order that lie in memory.
 *
 * @throws LayoutError `BAD_IMAGE` with the path of what is wrong
 */
export function checkImage(value: unknown): Image {
  image(value, "");
  const checked = value as Image;
  checkRegions(checked);
  checkChunks(checked);
  return checked;
}

function checkRegions({ memory }: Image): void {
  const names = new Map(memory.map((each) => [each.name, each]));
  if (names.size < memory.length) throw badImage("memory", "a name of its own for each region", memory);
  for (const [i, each] of memory.entries()) {
    const path = `memory[${i}]`;
    const { at, size } = each;
    if (size === 0n || size % smallestPage !== 0n) throw badImage(`${path}.size`, "a multiple of 4096 above 0", size);
    if (at % smallestPage !== 0n) throw badImage(`${path}.at`, "a multiple of 4096", at);
    const before = memory[i - 1];
    if (before !== undefined && before.at + before.size > at) {
      throw badImage(`${path}.at`, `${hex(before.at + before.size)} or above, behind ${before.name}`, at);
    }
    if (each.kind !== "alias") continue;
    alias(each, path);
    const of = names.get(each.of);
    if (of?.kind !== "ram" && of?.kind !== "rom")
      throw badImage(`${path}.of`, "the name of a ram or rom region", each.of);
    if (each.offset + size > of.size) throw badImage(`${path}.offset`, `an offset that ${of.name} has`, each.offset);
  }
}

function checkChunks({ memory, chunks }: Image): void {
  const backed = memory.filter(({ kind }) => kind === "ram" || kind === "rom");
  let end = 0n;
  for (const [i, chunk] of chunks.entries()) {
    const path = `chunks[${i}].at`;
    if (chunk.at < end) throw badImage(path, `${hex(end)} or above, behind the chunk before it`, chunk.at);
    end = chunk.at + BigInt(chunk.bytes.length);
    let next = chunk.at;
    for (const { at, size } of backed) if (at <= next && next < at + size) next = at + size;
    if (next < end) throw badImage(path, `memory at ${hex(next)}, for all of ${chunk.name}`, chunk.at);
  }
}
