/** Random descriptions of address spaces, in every mode. */
import fc from "fast-check";
import type { AbsentMapping, Access, Mapping, PagingDescription, PagingMode } from "../../src/paging/index.ts";

interface Shape {
  readonly bits: number;
  readonly physicalBits: number;
  readonly sizes: readonly ("4KiB" | "2MiB" | "4MiB" | "1GiB")[];
  readonly accesses: readonly Access[];
  readonly software: number;
  readonly keys: boolean;
}

const all: readonly Access[] = ["r", "rw", "rx", "rwx"];
const shapes: Readonly<Record<PagingMode, Shape>> = {
  "32-bit": { bits: 32, physicalBits: 32, sizes: ["4KiB", "4MiB"], accesses: ["rx", "rwx"], software: 7, keys: false },
  pae: { bits: 32, physicalBits: 52, sizes: ["4KiB", "2MiB"], accesses: all, software: 7, keys: false },
  "4-level": { bits: 48, physicalBits: 52, sizes: ["4KiB", "2MiB", "1GiB"], accesses: all, software: 1023, keys: true },
  "5-level": { bits: 57, physicalBits: 52, sizes: ["4KiB", "2MiB", "1GiB"], accesses: all, software: 1023, keys: true },
};

const bytesOf = { "4KiB": 1n << 12n, "2MiB": 1n << 21n, "4MiB": 1n << 22n, "1GiB": 1n << 30n };

/** Virtual addresses near each other, so that mappings share tables, collide and meet the edges of large pages. */
function virtual({ bits }: Shape): fc.Arbitrary<bigint> {
  const half = 1n << BigInt(bits - 1);
  const near = fc.bigInt(0n, 0x2000n).map((page) => page << 12n);
  const base = fc.constantFrom(0n, 0x3fe0_0000n, half - (1n << 25n), half, 2n * half - (1n << 26n));
  return fc.tuple(base, near).map(([from, offset]) => {
    const address = BigInt.asUintN(bits, from + offset);
    return bits === 32 ? address : BigInt.asUintN(64, BigInt.asIntN(bits, address));
  });
}

function mapping(shape: Shape): fc.Arbitrary<Omit<Mapping, "name">> {
  const size = fc.oneof(
    fc.bigInt(1n, 20n).map((pages) => pages << 12n),
    fc.bigInt(1n, 0x1800n).map((pages) => pages << 12n),
  );
  const phys = fc.oneof(
    fc
      .bigInt(0n, (1n << BigInt(shape.physicalBits - 12)) - (shape.bits === 32 ? 0x2000n : 0x8_0000n))
      .map((page) => page << 12n),
    fc.bigInt(0n, 200n).map((page) => page << 21n),
  );
  return fc
    .record(
      {
        virt: virtual(shape),
        phys,
        size,
        access: fc.constantFrom(...shape.accesses),
        user: fc.boolean(),
        global: fc.boolean(),
        accessed: fc.boolean(),
        dirty: fc.boolean(),
        cache: fc.oneof(
          fc.nat(7).map((pat) => ({ pat })),
          fc.record({ pwt: fc.boolean(), pcd: fc.boolean() }),
        ),
        software: fc.nat(shape.software),
        override: fc.boolean(),
        pageSize: fc.constantFrom("largest" as const, ...shape.sizes),
        ...(shape.keys ? { key: fc.nat(15) } : {}),
        follow: fc.boolean(),
      },
      { requiredKeys: ["virt", "phys", "size", "access"] },
    )
    .map(({ follow, ...each }) => {
      // Half of them agree modulo 4 MiB in both address spaces, so that large pages fit.
      const phys = follow === true ? (each.phys & ~0x3f_ffffn) | (each.virt & 0x3f_ffffn) : each.phys;
      if (each.pageSize === undefined || each.pageSize === "largest") return { ...each, phys };
      const page = bytesOf[each.pageSize];
      return {
        ...each,
        virt: each.virt & ~(page - 1n),
        phys: phys & ~(page - 1n),
        size: ((each.size + page - 1n) / page) * page,
      };
    });
}

/** Where the mapping would leave its half of the address space, it is cut. */
function clip(shape: Shape, each: Omit<Mapping, "name">): Omit<Mapping, "name"> {
  const half = 1n << BigInt(shape.bits - 1);
  const offset = BigInt.asUintN(shape.bits, each.virt);
  const room = shape.bits === 32 || offset >= half ? 2n * half - offset : half - offset;
  return each.size <= room ? each : { ...each, size: room };
}

/** What makes the description one that can be built: without overlaps that nobody wants. */
function settle(mappings: readonly Mapping[]): readonly Mapping[] {
  const plain: Mapping[] = [];
  return mappings.map((each) => {
    if (each.override === true) return each;
    if (plain.some(({ virt, size }) => each.virt < virt + size && virt < each.virt + each.size))
      return { ...each, override: true };
    plain.push(each);
    return each;
  });
}

/** A random description that can be built. */
export function descriptions(mode: PagingMode): fc.Arbitrary<PagingDescription> {
  const shape = shapes[mode];
  const absent = fc.record({
    virt: virtual(shape),
    payload: fc.bigInt(1n, (1n << (mode === "32-bit" ? 31n : 63n)) - 1n),
  });
  return fc
    .record(
      {
        mappings: fc.array(mapping(shape), { maxLength: 8 }),
        absent: fc.array(absent, { maxLength: 2 }),
        at: fc.nat(0xffff),
        largest: fc.constantFrom(...shape.sizes),
      },
      { requiredKeys: ["mappings", "at"] },
    )
    .map(({ mappings, absent, at, largest }) => ({
      mode,
      tables: BigInt(at) << 12n,
      mappings: settle(mappings.map((each, index) => ({ name: `m${index}`, ...clip(shape, each) }))),
      ...(absent === undefined
        ? {}
        : {
            absent: absent.map(({ virt, payload }, index): AbsentMapping => ({
              name: `a${index}`,
              virt,
              size: 0x1000n,
              payload: payload << 1n,
              override: true,
            })),
          }),
      ...(largest === undefined ? {} : { largest }),
    }));
}

/** What a description says about an address, found by looking through its mappings. */
export function expectedAt(
  { mappings, absent = [] }: PagingDescription,
  address: bigint,
): Mapping | AbsentMapping | undefined {
  const here = [...mappings, ...absent].filter(({ virt, size }) => address >= virt && address < virt + size);
  return here.findLast(({ override }) => override === true) ?? here[0];
}
