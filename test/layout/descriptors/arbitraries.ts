/** Every kind of descriptor, with every field given and of any value. */
import fc from "fast-check";
import type {
  CallGate,
  Descriptor,
  InterruptGate,
  Segment,
  SystemSegment,
  TaskGate,
  TrapGate,
} from "guestwright/layout";

const pages = fc.integer({ min: 0, max: 0xf_ffff });
const limits = fc.oneof(
  fc.record({ granularity: fc.constant("byte" as const), limit: pages }),
  fc.record({ granularity: fc.constant("page" as const), limit: pages.map((page) => page * 0x1000 + 0xfff) }),
);
const dpl = fc.constantFrom(0 as const, 1 as const, 2 as const, 3 as const);
const present = fc.boolean();
const unsigned = (bits: number): fc.Arbitrary<bigint> => fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n });

/** A record whose limit and granularity go together. */
const limited = <T>(fields: fc.Arbitrary<T>): fc.Arbitrary<T & { granularity: "byte" | "page"; limit: number }> =>
  fc.tuple(fields, limits).map(([rest, limit]) => ({ ...rest, ...limit }));

const attributes = { dpl, present, available: fc.boolean() };
const segment = { ...attributes, base: fc.integer({ min: 0, max: 0xffff_ffff }), accessed: fc.boolean() };
const code = {
  type: fc.constant("code" as const),
  bits: fc.constantFrom(16 as const, 32 as const, 64 as const),
  readable: fc.boolean(),
  conforming: fc.boolean(),
};
const data = {
  type: fc.constant("data" as const),
  bits: fc.constantFrom(16 as const, 32 as const),
  writable: fc.boolean(),
  expandDown: fc.boolean(),
};

/** Code and data. */
export const anySegment: fc.Arbitrary<Segment> = fc.oneof(
  limited(fc.record({ ...code, ...segment })),
  limited(fc.record({ ...data, ...segment })),
);

const system = (width: 32 | 64) => ({ ...attributes, base: unsigned(width) });
const tss = { type: fc.constant("tss" as const), busy: fc.boolean() };
const ldt = fc.constant("ldt" as const);

/** TSS and LDT. */
const anySystemSegment: fc.Arbitrary<SystemSegment> = fc.oneof(
  limited(fc.record({ ...tss, bits: fc.constantFrom(16 as const, 32 as const), ...system(32) })),
  limited(fc.record({ ...tss, bits: fc.constant(64 as const), ...system(64) })),
  limited(fc.record({ type: ldt, bits: fc.constant(32 as const), ...system(32) })),
  limited(fc.record({ type: ldt, bits: fc.constant(64 as const), ...system(64) })),
);

const gate = { selector: fc.integer({ min: 0, max: 0xffff }), dpl, present };
const parameters = fc.integer({ min: 0, max: 31 });
const ist = fc.constantFrom(...([0, 1, 2, 3, 4, 5, 6, 7] as const));
const interrupt = fc.constant("interrupt-gate" as const);
const trap = fc.constant("trap-gate" as const);
const call = fc.constant("call-gate" as const);
const sizes = {
  16: { ...gate, bits: fc.constant(16 as const), offset: unsigned(16) },
  32: { ...gate, bits: fc.constant(32 as const), offset: unsigned(32) },
  64: { ...gate, bits: fc.constant(64 as const), offset: unsigned(64) },
};

/** The gates of an IDT in protected mode. */
export const anyLegacyInterruptGate: fc.Arbitrary<InterruptGate | TrapGate | TaskGate> = fc.oneof(
  fc.record({ type: interrupt, ...sizes[16] }),
  fc.record({ type: interrupt, ...sizes[32] }),
  fc.record({ type: trap, ...sizes[16] }),
  fc.record({ type: trap, ...sizes[32] }),
  fc.record({ type: fc.constant("task-gate" as const), ...gate }),
);

/** The gates of an IDT in long mode. */
export const anyLongInterruptGate: fc.Arbitrary<InterruptGate | TrapGate> = fc.oneof(
  fc.record({ type: interrupt, ...sizes[64], ist }),
  fc.record({ type: trap, ...sizes[64], ist }),
);

const anyCallGate: fc.Arbitrary<CallGate> = fc.oneof(
  fc.record({ type: call, ...sizes[16], parameters }),
  fc.record({ type: call, ...sizes[32], parameters }),
  fc.record({ type: call, ...sizes[64] }),
);

/** Every descriptor that is not all zeros. */
export const anyDescriptor: fc.Arbitrary<Descriptor> = fc.oneof(
  anySegment,
  anySystemSegment,
  anyLegacyInterruptGate,
  anyLongInterruptGate,
  anyCallGate,
);

/** Whether a descriptor stands in the tables of long mode only. */
export function isLong(descriptor: Descriptor): boolean {
  return descriptor.type !== "code" && "bits" in descriptor && descriptor.bits === 64;
}
