/** What changed in the CPU's state at the guest's first instruction. */
import { hex } from "../../../core/hex.ts";
import { bitNames, type FlagRegister } from "../../../core/register-bits.ts";
import type { CpuState, SegmentName, SegmentState } from "../../cpu-state.ts";
import { flagsToText } from "../../entry/control-register-text.ts";
import { segmentToText } from "../../descriptors/segment.ts";
import type { Image } from "../../image.ts";
import { codeAddress } from "./code-address.ts";
import { compareItems, fieldsOf, type Item } from "./compare-items.ts";
import type { ImageChange } from "./image-change.ts";

/** Registers one by one, with the names of their bits; segment registers that changed alike are one change. */
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
  const segments = compareItems("cpu", segmentItems(before.cpu), segmentItems(after.cpu));
  const tables = compareItems("cpu", tableItems(before.cpu), tableItems(after.cpu));
  return [...registers, ...joinAlike(segments), ...tables];
}

function registerItems(image: Image): readonly Item[] {
  const { regs, cr0, cr2, cr3, cr4, cr8, efer } = image.cpu;
  const { rip, ...general } = regs;
  return Object.entries({ rip, ...general, cr0, cr2, cr3, cr4, cr8, efer }).map(([name, value]) => {
    const text = name in bitNames ? flagsToText(name as FlagRegister, value) : hex(value);
    return { subject: `cpu ${name}`, fields: { value: name === "rip" ? codeAddress(image, rip) : text }, text };
  });
}

function segmentItems({ segments }: CpuState): readonly Item[] {
  return (Object.entries(segments) as [SegmentName, SegmentState][]).map(([name, state]) => {
    const { selector, ...hidden } = state;
    const text = `${hex(selector)} ${segmentToText(state)}`;
    // What cannot be used has no hidden part.
    const fields =
      state.unusable === 1 ? { selector: hex(selector) } : { selector: hex(selector), ...fieldsOf(hidden) };
    return { subject: `cpu ${name}`, fields, text };
  });
}

function tableItems({ gdt, idt }: CpuState): readonly Item[] {
  return Object.entries({ gdtr: gdt, idtr: idt }).map(([name, { base, limit }]) => ({
    subject: `cpu ${name}`,
    fields: { base: hex(base), limit: hex(limit) },
    text: hex(base),
  }));
}

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
