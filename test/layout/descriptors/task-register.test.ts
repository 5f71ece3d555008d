/** TR and LDTR after `ltr` and `lldt`, as KVM shows them: SDM vol. 2A, LTR and LLDT. */
import { ax, boot, code32, code64, layout, mem, rip, type Image } from "guestwright";
import {
  decodeDescriptorTable,
  descriptorOffsets,
  encodeDescriptorTable,
  pseudoDescriptor,
  type Segment,
  segmentState,
  type SegmentState,
  type SystemSegment,
} from "guestwright/layout";
import { expect, test } from "vitest";
import { describeKvm, kind } from "../../kvm/require-kvm.ts";

const at = { code: 0x8000, gdt: 0xa000 };
const memory = { ram: { at: 0x0, size: "64KiB" } } as const;

/** A register as the kernel shows it: KVM on SVM makes G from the limit. */
function shown({ g, ...rest }: SegmentState): Partial<SegmentState> {
  return kind === "svm" ? rest : { g, ...rest };
}

/** A GDT of code, data, a TSS and an LDT. */
function tableOf(code: Segment, segments: readonly [tss: SystemSegment, ldt: SystemSegment]) {
  const descriptors = [{ type: "null" }, code, { type: "data" }, ...segments] as const;
  const [, , , tss, ldt] = descriptorOffsets(descriptors);
  const bytes = encodeDescriptorTable(descriptors);
  return { bytes, tss: tss!, ldt: ldt!, limit: bytes.length - 1 };
}

const segments32 = [
  { type: "tss", bits: 32, base: 0x1234_5678n, limit: 0x12_3fff, available: true },
  { type: "ldt", bits: 32, base: 0x9abc_def0n, limit: 0x1f },
] as const;
const table32 = tableOf({ type: "code", bits: 32 }, segments32);

const segments64 = [
  { type: "tss", bits: 64, base: 0xffff_8000_1234_5678n, limit: 0x167 },
  { type: "ldt", bits: 64, base: 0x7fff_9abc_def0n, limit: 0xffff, dpl: 3, available: true },
] as const;
const table64 = tableOf({ type: "code", bits: 64 }, segments64);

const guest32 = code32()
  .lgdt(mem("gdtr"))
  .mov(ax, table32.tss)
  .ltr(ax)
  .mov(ax, table32.ldt)
  .lldt(ax)
  .hlt()
  .label("gdtr")
  .bytes(pseudoDescriptor({ base: BigInt(at.gdt), limit: table32.limit }, 32));

const guest64 = code64()
  .lgdt(rip("gdtr"))
  .mov(ax, table64.tss)
  .ltr(ax)
  .mov(ax, table64.ldt)
  .lldt(ax)
  .hlt()
  .label("gdtr")
  .bytes(pseudoDescriptor({ base: BigInt(at.gdt), limit: table64.limit }, 64));

const image32 = () =>
  layout({
    mode: "protected32",
    memory,
    place: {
      guest: { code: guest32, in: "ram", offset: at.code },
      table: { code: code32().bytes(table32.bytes), in: "ram", offset: at.gdt },
    },
    entry: "guest",
  }).build();

const image64 = () =>
  layout({
    mode: "long64",
    memory,
    paging: { tables: 0x0, map: { all: { virt: at.code, phys: at.code, size: "16KiB", access: "rwx" } } },
    place: {
      guest: { code: guest64, in: "all" },
      table: { code: code64().bytes(table64.bytes), in: "all", offset: at.gdt - at.code },
    },
    entry: "guest",
  }).build();

describeKvm("a guest that loads a TSS and an LDT of a GDT of its own", () => {
  const guests: readonly (readonly [
    string,
    () => Promise<Image>,
    typeof table32,
    readonly SystemSegment[],
    boolean,
  ])[] = [
    ["protected32", image32, table32, segments32, false],
    ["long64", image64, table64, segments64, true],
  ];
  test.each(guests)("%s: has the hidden fields that we computed", async (_, image, table, segments, long) => {
    using machine = await boot(await image());
    expect([...machine.run({ timeout: "5s" })].map((exit) => exit.kind)).toEqual(["hlt"]);
    const {
      segments: { tr, ldt },
      gdt,
    } = machine.specialRegisters();
    expect(shown(tr)).toEqual(shown(segmentState(segments[0]!, table.tss)));
    expect(shown(ldt)).toEqual(shown(segmentState(segments[1]!, table.ldt)));
    expect(gdt).toEqual({ base: BigInt(at.gdt), limit: table.limit });
    // The load marked the TSS busy in the table, and changed nothing else.
    const before = decodeDescriptorTable(table.bytes, { long });
    const after = decodeDescriptorTable(machine.readMemory(BigInt(at.gdt), table.bytes.length), { long });
    expect(after).toEqual(
      before.map((entry) =>
        entry.offset === table.tss ? { ...entry, descriptor: { ...entry.descriptor, busy: true } } : entry,
      ),
    );
  });
});
