/**
 * Memory of the assembler: many small calls, and one large program.
 *
 * `node --expose-gc --conditions=guestwright-source --import tsx bench/assemble-memory.ts [calls]`
 */
import { assemble, code64, qword, rax, rip, xmm1, xmm2, xmmword, type Code } from "guestwright/asm";

const calls = Number(process.argv[2] ?? 100_000);
const { gc } = globalThis as { gc?: () => void };
if (gc === undefined) throw new Error("run node with --expose-gc");

/** What is alive on the heap, in bytes. */
function heapUsed(): number {
  gc!();
  gc!();
  return process.memoryUsage().heapUsed;
}

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(2);

/** A program that differs from all others: every second one is new to Keystone, too. */
function small(i: number): Promise<unknown> {
  const end = i & 1 ? code64().vaddps(xmm1, xmm2, xmmword(rax, i)) : code64().mov(qword(rax, i), i);
  return assemble(end.label("spin").lea(rax, rip("spin")).jmp("spin"), { origin: i });
}

const rows: Record<string, unknown>[] = [];
const step = calls / 10;
let start = performance.now();
for (let i = 0; i <= calls; i++) {
  if (i % step === 0) {
    const each = i === 0 ? "" : (((performance.now() - start) * 1000) / step).toFixed(1);
    const heap = mebibytes(heapUsed());
    // WebAssembly's memory, Keystone's and iced-x86's, is outside the heap.
    rows.push({
      calls: i,
      "heap, MiB": heap,
      "outside, MiB": mebibytes(process.memoryUsage().external),
      "µs each": each,
    });
    start = performance.now();
  }
  await small(i);
}
console.table(rows);

/** A program of so many instructions, each fourth with a label. */
function large(instructions: number): Code<64, string, never> {
  let code = code64() as unknown as Code<64, string, never>;
  for (let i = 0; i < instructions; i++) {
    if (i % 4 === 0) code = code.label(`l${i}`);
    code = code.mov(qword(rax, i), i);
  }
  return code;
}

const sizes: Record<string, unknown>[] = [];
for (const instructions of [1_000, 10_000, 100_000]) {
  const before = heapUsed();
  const program = await assemble(large(instructions));
  const kept = heapUsed() - before;
  sizes.push({
    instructions,
    bytes: program.bytes.length,
    "kept, bytes an instruction": Math.round(kept / instructions),
  });
}
console.table(sizes);
