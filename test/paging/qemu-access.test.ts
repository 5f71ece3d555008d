/**
 * The access matrix under QEMU, whose software CPU has every paging mode: guests touch memory for every combination of
 * flags, page size, registers, ring and access, and what happens, the error code and CR2 are what `walk` said.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { memoryOf, PF_P, PF_RSVD, walk, type PageTables, type PagingMode } from "../../src/paging/index.ts";
import { accessGuest, featureGuest } from "./access-guest.ts";
import { accessMatrix, featuresOf, modeRegisters, type AccessMatrix, type CpuFeatures } from "./access-matrix.ts";
import {
  at,
  recordsOf,
  resultBytes,
  systemTables,
  targetOffset,
  touchingPage,
  vectors,
  type Cell,
} from "./access-memory.ts";
import { entryPoint, GuestReset, noQemu, runInQemu } from "./qemu.ts";

let features: CpuFeatures;

beforeAll(async () => {
  if (noQemu !== undefined) return;
  const program = await featureGuest();
  const chunks = [...systemTables(false), { at: BigInt(entryPoint), bytes: program.bytes }];
  const found = await runInQemu(chunks, { at: at.features, size: 16 });
  features = featuresOf(new Uint32Array(found.buffer, found.byteOffset, 4));
});

/** What came of an access, or what should. */
interface Outcome {
  readonly vector: number;
  readonly errorCode: number;
  /** CR2, for #PF. */
  readonly address: bigint;
}

function predict({ root }: PageTables, memory: ReturnType<typeof memoryOf>, cell: Cell): Outcome {
  const cpu = { ...cell, cr3: root, maxPhysAddr: features.maxPhysAddr };
  const { fault } = walk({ memory, cpu }, cell.address, cell);
  if (fault === undefined) return { vector: vectors.succeeded, errorCode: 0, address: 0n };
  if (fault.exception === "#GP") return { vector: vectors.generalProtection, errorCode: fault.errorCode, address: 0n };
  return { vector: vectors.pageFault, errorCode: fault.errorCode, address: cell.address };
}

function readOutcomes(results: Uint8Array): Outcome[] {
  const view = new DataView(results.buffer, results.byteOffset, results.byteLength);
  return Array.from({ length: results.length / resultBytes }, (_, index) => ({
    vector: view.getUint32(index * resultBytes, true),
    errorCode: view.getUint32(index * resultBytes + 4, true),
    address: view.getBigUint64(index * resultBytes + 8, true),
  }));
}

function isSame(found: Outcome, expected: Outcome): boolean {
  const { vector, errorCode, address } = expected;
  return found.vector === vector && found.errorCode === errorCode && found.address === address;
}

/** QEMU 7.2 leaves P out of the error code where a reserved bit is set. SDM vol. 3A, 4.7: it is set then. */
function lacksPresent(found: Outcome, expected: Outcome): boolean {
  const without = { ...expected, errorCode: expected.errorCode & ~PF_P };
  return expected.vector === vectors.pageFault && (expected.errorCode & PF_RSVD) !== 0 && isSame(found, without);
}

function show(value: object): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? `0x${each.toString(16)}` : each));
}

/** Boots a guest of the mode that makes the accesses. */
async function outcomesOf(mode: PagingMode, { tables, cells }: AccessMatrix): Promise<Outcome[]> {
  const long = mode === "4-level" || mode === "5-level";
  const program = await accessGuest(tables.root, modeRegisters(mode));
  const chunks = [
    ...systemTables(long, program),
    tables,
    // INT 0x80, which is what a write leaves there, too.
    { at: BigInt(at.target + targetOffset), bytes: Uint8Array.of(0xcd, vectors.succeeded) },
    { at: BigInt(at.records), bytes: recordsOf(program, long, cells) },
    { at: BigInt(entryPoint), bytes: program.bytes },
  ];
  return readOutcomes(await runInQemu(chunks, { at: at.results, size: cells.length * resultBytes }));
}

describe.skipIf(noQemu !== undefined)("the access matrix under QEMU", { timeout: 90_000 }, () => {
  test.each(["32-bit", "pae", "4-level", "5-level"] as const)("%s paging", async (mode) => {
    const matrix = accessMatrix(mode, features, touchingPage);
    const { tables, cells, skipped } = matrix;
    const memory = memoryOf([tables]);
    const expected = cells.map((cell) => predict(tables, memory, cell));
    const found = cells.length === 0 ? [] : await outcomesOf(mode, matrix);
    const differing = cells.flatMap((_, index) => (isSame(found[index]!, expected[index]!) ? [] : [index]));
    const withoutPresent = differing.filter((index) => lacksPresent(found[index]!, expected[index]!));
    const wrong = differing.filter((index) => !lacksPresent(found[index]!, expected[index]!));
    const notes = [
      `${cells.length} cells ran`,
      ...(skipped.size === 0 ? ["0 skipped"] : []),
      ...[...skipped].map(([feature, count]) => `${count} skipped: the CPU has no ${feature}`),
      ...(withoutPresent.length === 0
        ? []
        : [`in ${withoutPresent.length} of them QEMU leaves P out of the code of a reserved bit`]),
    ];
    process.stdout.write(`access matrix under QEMU, ${mode} paging: ${notes.join(", ")}\n`);
    const details = wrong.slice(0, 20).map((index) => `${show(cells[index]!)}: ${show(found[index]!)}`);
    expect(details).toEqual([]);
    // QEMU leaves P out always or never.
    const reserved = expected.filter(({ errorCode }) => (errorCode & PF_RSVD) !== 0);
    expect([0, reserved.length]).toContain(withoutPresent.length);
    const all = cells.length + [...skipped.values()].reduce((sum, each) => sum + each, 0);
    expect(all).toBeGreaterThan({ "32-bit": 4000, pae: 12_000, "4-level": 90_000, "5-level": 100_000 }[mode]);
  });

  // A CPU loads and checks all four when CR3 is loaded: SDM vol. 3A, 4.4.1.
  test("a bit that must be zero in a PAE PDPTE", async () => {
    const { tables, cells } = accessMatrix("pae", features, touchingPage);
    const bits = [1, 2, 5, 6, 7, 8, features.maxPhysAddr, 51, 52, 62, 63];
    for (const [index, bit] of bits.entries()) {
      const bytes = tables.bytes.slice();
      new DataView(bytes.buffer).setBigUint64(16, 1n | (1n << BigInt(bit)), true);
      const changed = { ...tables, bytes };
      const cell = { ...cells[0]!, address: 0x8000_0000n };
      expect(predict(changed, memoryOf([changed]), cell).vector).toBe(vectors.generalProtection);
      try {
        await outcomesOf("pae", { tables: changed, cells: cells.slice(0, 1), skipped: new Map() });
      } catch (error) {
        if (!(error instanceof GuestReset)) throw error;
        continue;
      }
      // QEMU's CPU reads PDPTEs when it needs them.
      expect(index, "some bits are checked, but not all").toBe(0);
      const left = `${bits.length} bits of PDPTEs skipped: the CPU does not check them when CR3 is loaded`;
      process.stdout.write(`access matrix under QEMU, pae paging: ${left}\n`);
      return;
    }
  });
});
