/** What changed in the GDT, LDTs, task states and the IDT of an image, field by field. */
import { hex } from "../../../core/hex.ts";
import {
  decodeDescriptor,
  decodeTaskState,
  type Descriptor,
  descriptorSize,
  descriptorToText,
  encodeDescriptor,
  encodeTaskState,
  exceptionName,
  type TaskState,
} from "../../descriptors/index.ts";
import type { Image, ImageDescriptor, ImageGdt, ImageIdt, ImageLdt, ImageTss, ImageVector } from "../../image.ts";
import { codeAddress } from "./code-address.ts";
import { compareItems, fieldsOf, type FieldText, type Item } from "./compare-items.ts";
import type { ImageChange } from "./image-change.ts";

/** The GDT and its entries by their names. */
export function diffGdt(before: Image, after: Image): readonly ImageChange[] {
  const table = ({ gdt }: Image): readonly Item[] => (gdt === undefined ? [] : [gdtItem(gdt)]);
  const ofTable = compareItems("gdt", table(before), table(after));
  if (before.gdt === undefined || after.gdt === undefined) return ofTable;
  return [
    ...ofTable,
    ...compareItems("gdt", entryItems("gdt", before, before.gdt), entryItems("gdt", after, after.gdt)),
  ];
}

/** LDTs by their names, and the entries of those that both images have. */
export function diffLdts(before: Image, after: Image): readonly ImageChange[] {
  const items = ({ ldts }: Image): readonly Item[] => ldts.map(ldtItem);
  const entries = before.ldts.flatMap((old) => {
    const now = after.ldts.find(({ name }) => name === old.name);
    const subject = `ldt ${old.name}`;
    return now === undefined
      ? []
      : compareItems("ldt", entryItems(subject, before, old), entryItems(subject, after, now));
  });
  return [...compareItems("ldt", items(before), items(after)), ...entries];
}

/** Task states by their names. */
export function diffTasks(before: Image, after: Image): readonly ImageChange[] {
  return compareItems("tss", before.tasks.map(taskItem), after.tasks.map(taskItem));
}

/** The IDT, or the interrupt vector table, and its vectors. */
export function diffIdt(before: Image, after: Image): readonly ImageChange[] {
  const table = ({ idt }: Image): readonly Item[] => (idt === undefined ? [] : [idtItem(idt)]);
  const ofTable = compareItems("idt", table(before), table(after));
  if (before.idt === undefined || after.idt === undefined) return ofTable;
  const items = (image: Image, { vectors }: ImageIdt): readonly Item[] =>
    vectors.map((each) => vectorItem(image, each));
  return [...ofTable, ...compareItems("idt", items(before, before.idt), items(after, after.idt))];
}

function gdtItem({ at, entries }: ImageGdt): Item {
  const where = at === undefined ? "not in memory" : `at physical ${hex(at)}`;
  return {
    subject: "gdt",
    fields: { at: at === undefined ? "nowhere" : hex(at) },
    text: `${entries.map(({ name }) => name).join(", ")}, ${where}`,
  };
}

function ldtItem({ name, at, entries }: ImageLdt): Item {
  return {
    subject: `ldt ${name}`,
    fields: { at: hex(at) },
    text: `${entries.map((entry) => entry.name).join(", ")}, at physical ${hex(at)}`,
  };
}

function idtItem({ at, vectors }: ImageIdt): Item {
  return { subject: "idt", fields: { at: hex(at) }, text: `${vectors.length} vectors, at physical ${hex(at)}` };
}

function taskItem({ name, at, state }: ImageTss): Item {
  const { ports, ...registers } = { ports: [], ...decodeTaskState(encodeTaskState(state), state.bits) } as Omit<
    Required<Extract<TaskState, { bits: 64 }>>,
    "bits"
  >;
  const allowed = ports
    .map(({ first, last }) => (first === last ? hex(first) : `${hex(first)}..${hex(last)}`))
    .join(" ");
  return {
    subject: `tss ${name}`,
    fields: { at: hex(at), ...fieldsOf(registers), ports: allowed === "" ? "none" : allowed },
    text: `a task state of ${state.bits} bits, at physical ${hex(at)}`,
  };
}

function entryItems(
  table: string,
  image: Image,
  { entries }: { readonly entries: readonly ImageDescriptor[] },
): readonly Item[] {
  return entries.map(({ name, selector, descriptor }) => {
    const fields = descriptorFields(image, descriptor);
    // The selector repeats the privilege level, which is a field of its own.
    const dpl = BigInt(selector & 3);
    return {
      subject: `${table} ${name}`,
      fields: { selector: { text: hex(selector, 2), value: BigInt(selector) - dpl }, ...fields },
      text: `${hex(selector, 2)} ${descriptorToText(descriptor)}`,
    };
  });
}

function vectorItem(image: Image, entry: ImageVector): Item {
  const subject = `idt ${exceptionName(entry.vector) ?? hex(entry.vector)}`;
  if ("far" in entry) {
    const { segment, offset } = entry.far;
    return { subject, fields: { segment: hex(segment), offset: hex(offset) }, text: `${hex(segment)}:${hex(offset)}` };
  }
  return { subject, fields: descriptorFields(image, entry.gate), text: descriptorToText(entry.gate) };
}

/** Every field that the descriptor's bytes say, also those that the description leaves out. */
function descriptorFields(image: Image, descriptor: Descriptor): Readonly<Record<string, FieldText>> {
  const long = descriptorSize(descriptor) === 16;
  const values = { ...decodeDescriptor(encodeDescriptor(descriptor), { long }) };
  const fields = fieldsOf(values);
  return "offset" in values ? { ...fields, offset: codeAddress(image, values.offset) } : fields;
}
