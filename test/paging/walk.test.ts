import { describe, expect, test } from "vitest";
import {
  addressSpaceOf,
  buildPageTables,
  CR0_WP,
  memoryOf,
  walk,
  type AddressSpace,
  type MemoryAccess,
  type PagingCpu,
} from "../../src/paging/index.ts";

const SMEP = 0x10_0000n;
const SMAP = 0x20_0000n;
const PKE = 0x40_0000n;
const NXE = 0x800n;
const longMode: PagingCpu = { cr0: 0x8000_0001n, cr3: 0n, cr4: 0x20n, efer: 0x500n };

/** Tables of one entry each, one after another from 0 on, all of them for address 0 unless an index is given. */
function chain(entries: readonly bigint[], cpu: PagingCpu, bytes: 4 | 8 = 8, index = 0): AddressSpace {
  const memory = new DataView(new ArrayBuffer(0x1000 * entries.length));
  for (const [level, entry] of entries.entries()) {
    const at = level * 0x1000 + index * bytes;
    if (bytes === 4) memory.setUint32(at, Number(entry), true);
    else memory.setBigUint64(at, entry, true);
  }
  return { memory: memoryOf([{ at: 0n, bytes: new Uint8Array(memory.buffer) }]), cpu };
}

describe("the entries that a walk reads", () => {
  // The indices of 0xdeadbeef in each mode.
  test.each([
    ["32-bit", ["PDE", "PTE"], [890, 731]],
    ["pae", ["PDPTE", "PDE", "PTE"], [3, 245, 219]],
    ["4-level", ["PML4E", "PDPTE", "PDE", "PTE"], [0, 3, 245, 219]],
    ["5-level", ["PML5E", "PML4E", "PDPTE", "PDE", "PTE"], [0, 0, 3, 245, 219]],
  ] as const)("%s", (mode, names, indices) => {
    const mappings = [{ name: "here", virt: 0xdead_b000n, phys: 0x77_7000n, size: 0x1000n, access: "rwx" } as const];
    const tables = buildPageTables({ mode, tables: 0x10_0000n, mappings });
    const { steps, page, mapping } = walk(addressSpaceOf(tables), 0xdead_beefn);
    expect(steps.map(({ entry }) => entry)).toEqual(names);
    expect(steps.map(({ index }) => index)).toEqual(indices);
    const bytes = mode === "32-bit" ? 4 : 8;
    expect(steps.map(({ at }) => at)).toEqual(
      indices.map((index, level) => BigInt(0x10_0000 + level * 0x1000 + index * bytes)),
    );
    expect(steps.at(-1)?.value).toBe(0x77_7003n);
    expect(page?.phys).toBe(0x77_7eefn);
    expect(mapping).toBe("here");
  });

  test("are none while paging is off", () => {
    const { mode, steps, page, fault } = walk(chain([0n], { ...longMode, cr0: 1n }), 0x1000n);
    expect([mode, steps, page, fault]).toEqual(["off", [], undefined, undefined]);
  });

  test("are read from the table that CR3 holds, without its flags", () => {
    const space = chain([0x1003n, 0x2003n, 0x3003n, 0x5003n], { ...longMode, cr3: 0x8000_0000_0000_0fffn });
    expect(walk(space, 0n).page?.phys).toBe(0x5000n);
  });
});

interface Case {
  readonly p: boolean;
  readonly rw: boolean;
  readonly us: boolean;
  readonly xd: boolean;
  readonly wp: boolean;
  readonly nxe: boolean;
  readonly smep: boolean;
  readonly smap: boolean;
  readonly access: MemoryAccess;
}

/** The error code that SDM vol. 3A, 4.6.1 and 4.7 give, written as the manual's paragraphs; `undefined`: no fault. */
function manual({ p, rw, us, xd, wp, nxe, smep, smap, access }: Case): number | undefined {
  const { kind, cpl, ac } = access;
  const userMode = cpl === 3;
  const common = (kind === "write" ? 2 : 0) + (userMode ? 4 : 0) + (kind === "fetch" && (nxe || smep) ? 16 : 0);
  if (!p) return common;
  if (xd && !nxe) return common + 1 + 8;
  const allowed = userMode
    ? us && { read: true, write: rw, fetch: !xd }[kind]
    : {
        read: !us || !smap || ac === true,
        write: (!us || !smap || ac === true) && (rw || !wp),
        fetch: !xd && !(us && smep),
      }[kind];
  return allowed ? undefined : common + 1;
}

const booleans = [false, true] as const;

function cases(): Case[] {
  const found: Case[] = [];
  for (let bits = 0; bits < 256; bits++) {
    const [p, rw, us, xd, wp, nxe, smep, smap] = Array.from({ length: 8 }, (_, bit) => booleans[(bits >> bit) & 1]!);
    for (const kind of ["read", "write", "fetch"] as const) {
      for (const cpl of [0, 3] as const) {
        for (const ac of booleans) {
          found.push({
            p: p!,
            rw: rw!,
            us: us!,
            xd: xd!,
            wp: wp!,
            nxe: nxe!,
            smep: smep!,
            smap: smap!,
            access: { kind, cpl, ac },
          });
        }
      }
    }
  }
  return found;
}

function cpuOf({ wp, nxe, smep, smap }: Case): PagingCpu {
  return {
    ...longMode,
    cr0: longMode.cr0 | (wp ? CR0_WP : 0n),
    cr4: longMode.cr4 | (smep ? SMEP : 0n) | (smap ? SMAP : 0n),
    efer: longMode.efer | (nxe ? NXE : 0n),
  };
}

describe("the rights of SDM vol. 3A, 4.6", () => {
  // The entry with the flags under test stands at each level in turn; the others allow everything.
  test.each([0, 1, 2, 3])("every combination of flags, registers and accesses, at level %i from the root", (level) => {
    const all = cases();
    expect(all).toHaveLength(3072);
    for (const each of all) {
      const flags = (each.p ? 1n : 0n) | (each.rw ? 2n : 0n) | (each.us ? 4n : 0n) | (each.xd ? 1n << 63n : 0n);
      const entries = [0x1007n, 0x2007n, 0x3007n, 0x5007n].map((entry, index) =>
        index === level ? (entry & ~7n) | flags : entry,
      );
      const { fault } = walk(chain(entries, cpuOf(each)), 0n, each.access);
      expect(fault?.errorCode, JSON.stringify({ ...each, flags: flags.toString(16) })).toBe(manual(each));
      if (fault !== undefined && !["smep", "smap"].includes(fault.reason)) {
        expect(fault.step).toMatchObject({ at: BigInt(level) * 0x1000n });
      }
    }
  });

  // SDM vol. 3A, 4.6.2: PKRU has two bits for each key, access-disable and write-disable.
  test.each([
    ["read", 0, 0b01, true, false, 0x21],
    ["read", 3, 0b01, true, false, 0x25],
    ["read", 3, 0b10, true, false, undefined],
    ["write", 3, 0b10, true, false, 0x27],
    ["write", 0, 0b10, true, false, undefined],
    ["write", 0, 0b10, true, true, 0x23],
    ["fetch", 3, 0b11, true, false, undefined],
    ["read", 0, 0b11, false, false, undefined],
  ] as const)("a %s at CPL %i with PKRU bits %i, user page %s, WP %s", (kind, cpl, rights, user, wp, errorCode) => {
    const entry = 0x5003n | (user ? 4n : 0n) | (5n << 59n);
    const cpu = { ...longMode, cr0: longMode.cr0 | (wp ? CR0_WP : 0n), cr4: longMode.cr4 | PKE, pkru: rights << 10 };
    expect(walk(chain([0x1007n, 0x2007n, 0x3007n, entry], cpu), 0n, { kind, cpl }).fault?.errorCode).toBe(errorCode);
  });

  test("a PAE PDPTE has no rights to take away", () => {
    const space = chain([0x1001n, 0x2007n, 0x5007n], { ...longMode, efer: NXE });
    expect(walk(space, 0n, { kind: "write", cpl: 3 })).toMatchObject({
      mode: "pae",
      fault: undefined,
      page: { access: "rwx", user: true },
    });
  });
});

/** Numbers from the first to the last. */
function bits(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

describe("reserved bits", () => {
  // [mode, bytes, MAXPHYADDR, entries, level, bits that fault], from SDM vol. 3A, tables 4-4 to 4-20, with NXE clear.
  const long = { ...longMode };
  const pae = { ...longMode, efer: 0n };
  const short = { ...longMode, cr4: 0x10n, efer: 0n };
  test.each([
    [
      "PML5E",
      { ...long, cr4: 0x1020n },
      40,
      [0x1007n, 0x2007n, 0x3007n, 0x4007n, 0x5007n],
      0,
      [7, ...bits(40, 51), 63],
    ],
    ["PML4E", long, 40, [0x1007n, 0x2007n, 0x3007n, 0x5007n], 0, [7, ...bits(40, 51), 63]],
    [
      "PML4E on AMD",
      { ...long, vendor: "amd" },
      40,
      [0x1007n, 0x2007n, 0x3007n, 0x5007n],
      0,
      [7, 8, ...bits(40, 51), 63],
    ],
    [
      "PML5E on AMD",
      { ...long, cr4: 0x1020n, vendor: "amd" },
      40,
      [0x1007n, 0x2007n, 0x3007n, 0x4007n, 0x5007n],
      0,
      [7, 8, ...bits(40, 51), 63],
    ],
    [
      "PML4E of 5-level paging on AMD",
      { ...long, cr4: 0x1020n, vendor: "amd" },
      40,
      [0x1007n, 0x2007n, 0x3007n, 0x4007n, 0x5007n],
      1,
      [7, 8, ...bits(40, 51), 63],
    ],
    ["PDPTE on AMD", { ...long, vendor: "amd" }, 52, [0x1007n, 0x2007n, 0x3007n, 0x5007n], 1, [8, 63]],
    // Where the entry maps a page, bit 8 is G; below the PDPT, AMD ignores it in entries that refer to a table.
    ["1 GiB page on AMD", { ...long, vendor: "amd" }, 52, [0x1007n, 0x4000_0087n], 1, [...bits(13, 29), 63]],
    ["PDE on AMD", { ...long, vendor: "amd" }, 52, [0x1007n, 0x2007n, 0x3007n, 0x5007n], 2, [63]],
    ["PTE on AMD", { ...long, vendor: "amd" }, 52, [0x1007n, 0x2007n, 0x3007n, 0x5007n], 3, [63]],
    ["PAE PDE on AMD", { ...pae, vendor: "amd" }, 52, [0x1001n, 0x2007n, 0x5007n], 1, bits(52, 63)],
    ["PDPTE", long, 52, [0x1007n, 0x2007n, 0x3007n, 0x5007n], 1, [63]],
    [
      "PDPTE of a CPU without 1 GiB pages",
      { ...long, gigabytePages: false },
      52,
      [0x1007n, 0x2007n, 0x3007n, 0x5007n],
      1,
      [7, 63],
    ],
    ["1 GiB page", long, 46, [0x1007n, 0x4000_0087n], 1, [...bits(13, 29), ...bits(46, 51), 63]],
    ["PDE", long, 36, [0x1007n, 0x2007n, 0x3007n, 0x5007n], 2, [...bits(36, 51), 63]],
    ["2 MiB page", long, 36, [0x1007n, 0x2007n, 0x20_0087n], 2, [...bits(13, 20), ...bits(36, 51), 63]],
    ["PTE", long, 39, [0x1007n, 0x2007n, 0x3007n, 0x5007n], 3, [...bits(39, 51), 63]],
    ["PAE PDPTE", pae, 36, [0x1001n, 0x2007n, 0x5007n], 0, [1, 2, ...bits(5, 8), ...bits(36, 63)]],
    ["PAE PDE", pae, 36, [0x1001n, 0x2007n, 0x5007n], 1, bits(36, 63)],
    ["PAE 2 MiB page", pae, 36, [0x1001n, 0x20_0087n], 1, [...bits(13, 20), ...bits(36, 63)]],
    ["PAE PTE", pae, 52, [0x1001n, 0x2007n, 0x5007n], 2, bits(52, 63)],
    ["32-bit PDE", short, 36, [0x1007n, 0x5007n], 0, []],
    ["4 MiB page, 36 bits", short, 36, [0x40_0087n], 0, bits(17, 21)],
    ["4 MiB page, 40 bits", short, 40, [0x40_0087n], 0, [21]],
    ["32-bit PTE", short, 32, [0x1007n, 0x5007n], 1, []],
  ] as const)("%s", (_, cpu, maxPhysAddr, entries, level, expected) => {
    const bytes = cpu.cr4 === 0x10n ? 4 : 8;
    const faulting: number[] = [];
    for (let bit = 1; bit < bytes * 8; bit++) {
      const changed = entries.map((entry, index) => (index === level ? entry | (1n << BigInt(bit)) : entry));
      // Bit 7 of an entry that may map a page makes it one.
      if (changed[level] === entries[level] || (bit === 7 && !expected.some((each) => each === 7))) continue;
      const { fault } = walk(chain(changed, { ...cpu, maxPhysAddr }, bytes), 0n, { kind: "read", cpl: 3 });
      if (fault?.reason !== "reserved") continue;
      faulting.push(bit);
      expect(fault.bits).toEqual([bit]);
      expect([fault.exception, fault.errorCode]).toEqual(cpu === pae && level === 0 ? ["#GP", 0] : ["#PF", 0xd]);
    }
    const alwaysSet = expected.filter((bit) => (entries[level]! >> BigInt(bit)) & 1n);
    expect(alwaysSet).toEqual([]);
    expect(faulting).toEqual(expected);
  });
});

describe("the reasons of faults", () => {
  const tables = buildPageTables({
    mode: "4-level",
    tables: 0n,
    mappings: [
      { name: "text", virt: 0x0n, phys: 0x4000n, size: 0x1000n, access: "rx" },
      { name: "stack", virt: 0x1000n, phys: 0x5000n, size: 0x1000n, access: "rw" },
      { name: "shared", virt: 0x2000n, phys: 0x6000n, size: 0x1000n, access: "rwx", user: true, key: 2 },
    ],
    absent: [{ name: "swap", virt: 0x3000n, size: 0x1000n, payload: 0xabc0n }],
  });
  const cpu = { cr0: tables.registers.cr0 | CR0_WP, cr4: tables.registers.cr4 | SMEP | SMAP | PKE, pkru: 0x10 };
  test.each([
    [
      0x10n,
      "write",
      0,
      'a supervisor write to 0x10 ("text") raises #PF(0x3): R/W (bit 1) is clear in PTE 0x4001 at 0x3000',
    ],
    [
      0x1000n,
      "fetch",
      0,
      'a supervisor fetch from 0x1000 ("stack") raises #PF(0x11): XD (bit 63) is set in PTE 0x8000000000005003 at 0x3008',
    ],
    [
      0x1000n,
      "read",
      3,
      'a user read from 0x1000 ("stack") raises #PF(0x5): U/S (bit 2) is clear in PTE 0x8000000000005003 at 0x3008',
    ],
    [
      0x2000n,
      "fetch",
      0,
      'a supervisor fetch from 0x2000 ("shared") raises #PF(0x11): CR4.SMEP is set and so is U/S (bit 2) in PTE 0x1000000000006007 at 0x3010',
    ],
    [
      0x2000n,
      "read",
      0,
      'a supervisor read from 0x2000 ("shared") raises #PF(0x21): CR4.SMAP is set, EFLAGS.AC is clear, and U/S (bit 2) is set in PTE 0x1000000000006007 at 0x3010',
    ],
    [
      0x2000n,
      "read",
      3,
      'a user read from 0x2000 ("shared") raises #PF(0x25): PKRU forbids it under key 2 in PTE 0x1000000000006007 at 0x3010',
    ],
    [
      0x3000n,
      "read",
      3,
      'a user read from 0x3000 ("swap") raises #PF(0x4): P (bit 0) is clear in PTE 0xabc0 at 0x3018',
    ],
    [
      0x8000_0000n,
      "write",
      0,
      'a supervisor write to 0x80000000 (above "swap") raises #PF(0x2): P (bit 0) is clear in PDPTE 0x0 at 0x1010',
    ],
    [
      0x8000_0000_0000n,
      "read",
      0,
      "a supervisor read from 0x800000000000 raises #GP(0x0): the address is not canonical",
    ],
  ] as const)("%s %s at CPL %i", (address, kind, cpl, message) => {
    expect(walk(addressSpaceOf(tables, cpu), address, { kind, cpl }).fault?.message).toBe(message);
  });

  test("an entry where there is no memory", () => {
    const { fault, steps } = walk(chain([0x9003n], longMode), 0n);
    expect(fault?.message).toBe("a supervisor read from 0x0 raises #PF(0x0): there is no memory in PDPTE at 0x9000");
    expect(steps.at(-1)).toEqual({ entry: "PDPTE", index: 0, at: 0x9000n, value: undefined });
  });

  test("a PAE PDPTE that MOV to CR3 refuses", () => {
    expect(walk(chain([0x1003n], { ...longMode, efer: 0n }), 0n).fault?.message).toBe(
      "a supervisor read from 0x0 does not come about, since MOV to CR3 raises #GP(0): a reserved bit is set, R/W (bit 1), in PDPTE 0x1003 at 0x0",
    );
  });
});

describe("accesses that the page's rights forbid, and the CPU allows", () => {
  const tables = buildPageTables({
    mode: "4-level",
    tables: 0n,
    mappings: [
      { name: "text", virt: 0x0n, phys: 0x4000n, size: 0x1000n, access: "rx" },
      { name: "data", virt: 0x1000n, phys: 0x5000n, size: 0x1000n, access: "rw" },
      { name: "shared", virt: 0x2000n, phys: 0x6000n, size: 0x1000n, access: "rw", user: true, key: 2 },
    ],
  });
  // PKRU: writes under key 2 are disabled (SDM vol. 3A, 4.6.2).
  const cpu = { cr4: tables.registers.cr4 | SMAP | PKE, pkru: 0x20 };
  const space = addressSpaceOf(tables, cpu);

  test.each([
    [
      "a write to a read-only page",
      0x10n,
      { kind: "write" },
      "wp-clear",
      'a supervisor write to 0x10 ("text") succeeds: R/W (bit 1) is clear in PTE 0x4001 at 0x3000, but CR0.WP is clear and the access is the supervisor\'s',
    ],
    [
      "a write under a key that disables writes",
      0x2000n,
      { kind: "write", ac: true },
      "wp-clear",
      'a supervisor write to 0x2000 ("shared") succeeds: PKRU forbids it under key 2 in PTE 0x9000000000006007 at 0x3010, but CR0.WP is clear and the access is the supervisor\'s',
    ],
    [
      "a read of a user page with AC",
      0x2000n,
      { kind: "read", ac: true },
      "ac-set",
      'a supervisor read from 0x2000 ("shared") succeeds: CR4.SMAP is set, EFLAGS.AC is clear, and U/S (bit 2) is set in PTE 0x9000000000006007 at 0x3010, but EFLAGS.AC lets the supervisor through',
    ],
  ] as const)("%s", (_, address, access, reason, message) => {
    const { fault, exemption } = walk(space, address, access);
    expect(fault).toBeUndefined();
    expect(exemption).toMatchObject({ reason, message });
  });

  test.each([
    ["a write to a writable page", 0x1000n, { kind: "write" }],
    ["a read of a read-only page", 0x0n, { kind: "read" }],
    ["a user's read", 0x2000n, { kind: "read", cpl: 3 }],
  ] as const)("%s needs no exemption", (_, address, access) => {
    expect(walk(space, address, access)).toMatchObject({ fault: undefined, exemption: undefined });
  });

  test("with CR0.WP set, the write faults and is not exempt", () => {
    const strict = addressSpaceOf(tables, { ...cpu, cr0: tables.registers.cr0 | CR0_WP });
    expect(walk(strict, 0x10n, "write")).toMatchObject({ fault: { reason: "read-only" }, exemption: undefined });
  });
});

describe("what lies where no mapping is", () => {
  const mappings = [
    { name: "data", virt: 0x5000n, phys: 0x5000n, size: 0x1000n, access: "rw" },
    { name: "text", virt: 0x1000n, phys: 0x4000n, size: 0x1000n, access: "rx" },
  ] as const;
  const tables = buildPageTables({ mode: "4-level", tables: 0n, mappings });
  const space = { ...addressSpaceOf(tables), gaps: [{ what: "null page", virt: 0n, size: 0x1000n }] };

  test.each([
    [0x10n, "null page"],
    [0x2000n, 'between "text" and "data"'],
    [0x6000n, 'above "data"'],
    [0xffff_8000_0000_0000n, 'above "data"'],
    [0x5000n, undefined],
    [0x8000_0000_0000n, undefined],
  ])("%s", (address, hole) => {
    expect(walk(space, address).hole).toBe(hole);
  });

  test("below the first, and nothing where nothing has a name", () => {
    expect(walk(addressSpaceOf(tables), 0x10n).hole).toBe('below "text"');
    const { memory, cpu } = addressSpaceOf(tables);
    expect(walk({ memory, cpu }, 0x10n).hole).toBeUndefined();
  });

  test("is told where a mapping's name is otherwise", () => {
    expect(walk(space, 0x10n, "write").fault?.message).toBe(
      "a supervisor write to 0x10 (null page) raises #PF(0x2): P (bit 0) is clear in PTE 0x0 at 0x3000",
    );
  });
});
