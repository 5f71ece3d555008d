/**
 * Page tables: 64 GiB of 4 KiB pages against a C loop that stores the same entries into fresh memory, interleaved,
 * medians; the memory that it takes; 512 GiB of 2 MiB pages; walks.
 * Run: node --conditions=guestwright-source --import tsx bench/paging.ts [rounds]
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  addressSpaceOf,
  addressSpaceToSvg,
  buildPageTables,
  ranges,
  rangesToText,
  tablesToText,
  walk,
  type PageSize,
  type PageTables,
} from "guestwright/paging";

const GiB = 1n << 30n;

function build(size: bigint, pageSize: PageSize): PageTables {
  const mappings = [{ name: "ram", virt: 0n, phys: 0n, size, access: "rwx" as const }];
  return buildPageTables({ mode: "4-level", tables: 0n, mappings, pageSize });
}

/** Stores the entries of as many pages into fresh memory; prints the nanoseconds that took. */
const cLoop = `
  #include <stdint.h>
  #include <stdio.h>
  #include <stdlib.h>
  #include <sys/mman.h>
  #include <time.h>
  int main(int argc, char **argv) {
    uint64_t pages = strtoull(argv[1], 0, 10);
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    uint64_t *entries = mmap(0, pages * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (entries == MAP_FAILED) { perror("mmap"); return 1; }
    for (uint64_t page = 0; page < pages; page++) entries[page] = page << 12 | 3;
    __asm__ volatile("" :: "r"(entries) : "memory");
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%lld\\n", (to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec);
  }
`;

function milliseconds(run: () => unknown): number {
  const from = performance.now();
  run();
  return performance.now() - from;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** The most memory that this process ever had resident, in bytes. */
function peakMemory(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/** A build in a process of its own, as the C loop has one: milliseconds, and the growth of memory over the tables' size. */
function buildApart(): readonly [time: number, memory: number] {
  const again = [...process.execArgv, process.argv[1]!, "once"];
  const [time, memory] = execFileSync(process.execPath, again, { encoding: "utf8" }).split(" ");
  return [Number(time), Number(memory)];
}

if (process.argv[2] === "once") {
  build(GiB, "4KiB");
  const before = peakMemory();
  const from = performance.now();
  const tables = build(64n * GiB, "4KiB");
  const time = performance.now() - from;
  console.log(time, (peakMemory() - before) / tables.bytes.length);
} else {
  const rounds = Number(process.argv[2] ?? 11);
  const directory = mkdtempSync(path.join(tmpdir(), "guestwright-"));
  const rows: string[][] = [];
  try {
    const program = path.join(directory, "loop");
    writeFileSync(`${program}.c`, cLoop);
    execFileSync("gcc", ["-O2", "-o", program, `${program}.c`]);
    const ours: number[] = [];
    const theirs: number[] = [];
    const memory: number[] = [];
    for (let round = 0; round < rounds; round++) {
      theirs.push(Number(execFileSync(program, [String((64n * GiB) >> 12n)])) / 1e6);
      const [time, growth] = buildApart();
      ours.push(time);
      memory.push(growth);
    }
    const ratio = median(ours) / median(theirs);
    rows.push([
      "64 GiB of 4 KiB pages",
      `${median(ours).toFixed(0)} ms`,
      `${ratio.toFixed(2)} x C (${median(theirs).toFixed(0)} ms)`,
      "<= 2 x",
    ]);
    rows.push(["peak memory of that", `${(Math.max(...memory) * 100).toFixed(0)}%`, "of the tables", "<= 110%"]);
  } finally {
    rmSync(directory, { recursive: true });
  }
  const large = Array.from({ length: rounds }, () => milliseconds(() => build(512n * GiB, "2MiB")));
  rows.push(["512 GiB of 2 MiB pages", `${median(large).toFixed(1)} ms`, "", "milliseconds"]);

  const space = addressSpaceOf(build(4n * GiB, "4KiB"));
  const walks = 200_000;
  const addresses = Array.from({ length: walks }, (_, index) => BigInt((index * 0x9e37_79b1) % 2 ** 32));
  const times = Array.from({ length: rounds }, () =>
    milliseconds(() => {
      for (const address of addresses) walk(space, address, "write");
    }),
  );
  rows.push(["a walk of four levels", `${((median(times) * 1e6) / walks).toFixed(0)} ns`, "", "< 1000 ns"]);
  const readers = { ranges, tablesToText, rangesToText, addressSpaceToSvg };
  for (const [name, read] of Object.entries(readers)) {
    const times = Array.from({ length: rounds }, () => milliseconds(() => read(space)));
    rows.push([`${name}, 4 GiB of 4 KiB pages`, `${median(times).toFixed(0)} ms`, "", ""]);
  }
  for (const row of [["what", "measured", "", "budget"], ...rows]) {
    console.log([row[0]!.padEnd(42), row[1]!.padStart(9), row[2]!.padEnd(18), row[3]!].join("  ").trimEnd());
  }
}
