/** Assembles many small programs, and prints what that left in memory: run it with --expose-gc. */
import { assemble, code64, qword, rax, rip, xmm1, xmm2, xmmword } from "guestwright/asm";
import { loadKeystone } from "../../src/asm/encode/keystone.ts";

const { gc } = globalThis as { gc?: () => void };
if (gc === undefined) throw new Error("run node with --expose-gc");

/** Programs that differ from each other; every second one holds an instruction that was never encoded before. */
async function assembleMany(from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    const code = i % 2 === 0 ? code64().mov(qword(rax, i), i) : code64().vaddps(xmm1, xmm2, xmmword(rax, i));
    await assemble(code.label("spin").lea(rax, rip("spin")).jmp("spin"), { origin: i });
  }
}

/** The least that is alive on the heap while so many calls are made, in bytes: what is kept for later comes and goes. */
async function leastHeap(from: number, calls: number): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < calls; i += 500) {
    await assembleMany(from + i, from + i + 500);
    gc!();
    least = Math.min(least, process.memoryUsage().heapUsed);
  }
  return least;
}

await assembleMany(0, 2_000);
const keystone = await loadKeystone();
const early = await leastHeap(2_000, 10_000);
await assembleMany(12_000, 30_000);
const late = await leastHeap(30_000, 10_000);
console.log(
  JSON.stringify({
    bytesACall: (late - early) / 28_000,
    isSameKeystone: (await loadKeystone()) === keystone,
    outside: process.memoryUsage().external,
  }),
);
