/** What changed in the CPU's state at the guest's first instruction. */
import { hex } from "../../../core/hex.ts";
import { bitNames, type FlagRegister } from "../../../core/register-bits.ts";
import type { SegmentName, SegmentState } from "../../cpu-state.ts";
import { flagsToText } from "../../entry/control-register-text.ts";
import { segmentToText } from "../../descriptors/segment.ts";
import { descriptorSize } from "../../descriptors/index.ts";
import type { Image, ImageGdt, ImageIdt } from "../../image.ts";
import { codeAddress } from "./code-address.ts";
import { compareItems, fieldsOf, type FieldText, type Item } from "./compare-items.ts";
import type { ImageChange } from "./image-change.ts";

/**
 * Registers one by one, with the names of their bits; segment registers that changed alike are one change. What moves or grows
 * with a table that a register leads to is told of the table alone.
 */
export function diffCpu(before: Image, after: Image): readonly ImageChange[] {
  const registers = compareItems("cpu", registerItems(before), registerItems(after)).map(
    // A register has one field, which is the register itself.
    (change): ImageChange => ({
      ...change,
      before: change.fields[0]!.before,
      after: change.fields[0]!.after,
      fields: [],
    }),
  );
  const segments = compareItems("cpu", segmentItems(before), segmentItems(after));
  const tables = compareItems("cpu", tableItems(before), tableItems(after));
  return [...registers, ...joinAlike(segments), ...tables];
}

function registerItems(image: Image): readonly Item[] {
  const { regs, cr0, cr2, cr3, cr4, cr8, efer } = image.cpu;
  const { rip, ...general } = regs;
  return Object.entries({ rip, ...general, cr0, cr2, cr3, cr4, cr8, efer }).map(([name, value]) => {
    const text = name in bitNames ? flagsToText(name as FlagRegister, value) : hex(value);
    const fields = { value: name === "rip" ? codeAddress(image, rip) : text };
    const root = name === "cr3" ? image.paging?.root : undefined;
    return { subject: `cpu ${name}`, fields: root === undefined ? fields : { value: beyond(text, cr3, root) }, text };
  });
}

function segmentItems(image: Image): readonly Item[] {
  return (Object.entries(image.cpu.segments) as [SegmentName, SegmentState][]).map(([name, state]) => {
    const { selector, ...hidden } = state;
    const text = `${hex(selector)} ${segmentToText(state)}`;
    // What cannot be used has no hidden part.
    const usable = { selector: hex(selector), ...fieldsOf(hidden), ...systemPart(image, state) };
    const fields = state.unusable === 1 ? { selector: hex(selector) } : usable;
    return { subject: `cpu ${name}`, fields, text };
  });
}

/** The base and the limit of a task state or an LDT, which move and grow with it. */
function systemPart({ gdt, tasks, ldts }: Image, { selector, base, limit }: SegmentState): Item["fields"] {
  const entry = gdt?.entries.find((each) => each.selector === selector);
  const table = [...tasks, ...ldts].find(({ name }) => name === entry?.name);
  if (entry === undefined || table === undefined || !("limit" in entry.descriptor)) return {};
  return {
    base: beyond(hex(base), base, table.at),
    limit: beyond(hex(limit), BigInt(limit), BigInt(entry.descriptor.limit)),
  };
}

function tableItems({ cpu, gdt, idt }: Image): readonly Item[] {
  const tables = [
    { name: "gdtr", register: cpu.gdt, at: gdt?.at, size: gdt === undefined ? 0 : gdtSize(gdt) },
    { name: "idtr", register: cpu.idt, at: idt?.at, size: idt === undefined ? 0 : idtSize(idt) },
  ];
  return tables.map(({ name, register: { base, limit }, at, size }) => ({
    subject: `cpu ${name}`,
    fields:
      at === undefined
        ? { base: hex(base), limit: hex(limit) }
        : { base: beyond(hex(base), base, at), limit: beyond(hex(limit), BigInt(limit), BigInt(size)) },
    text: hex(base),
  }));
}

/** A value that follows from another, so that it counts as changed only where the distance between them changed. */
function beyond(text: string, value: bigint, from: bigint): FieldText {
  return { text, value: value - from };
}

/** In bytes, up to the last entry. */
function gdtSize({ entries }: ImageGdt): number {
  const last = entries.at(-1);
  return last === undefined ? 0 : (last.selector & ~7) + descriptorSize(last.descriptor);
}

/** In bytes, up to the last vector. */
function idtSize({ vectors }: ImageIdt): number {
  const last = vectors.at(-1);
  if (last === undefined) return 0;
  return (last.vector + 1) * ("far" in last ? farPointerBytes : descriptorSize(last.gate));
}

/** A vector of real mode: an offset and a segment (SDM vol. 3B, 21.1.4). */
const farPointerBytes = 4;

/** Changes of the same fields, from the same to the same, as one: `cpu ds, es, ss`. */
function joinAlike(changes: readonly ImageChange[]): readonly ImageChange[] {
  const joined = new Map<string, ImageChange>();
  for (const change of changes) {
    const key = JSON.stringify([change.before, change.after, change.fields]);
    const first = joined.get(key);
    const subject = first === undefined ? change.subject : `${first.subject}, ${change.subject.replace("cpu ", "")}`;
    joined.set(key, { ...(first ?? change), subject });
  }
  return [...joined.values()];
}
