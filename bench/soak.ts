/**
 * Runs and streams killed at random, then exits by the million: fails where a run lost something, where a descriptor, a mapping or a timer
 * was left behind, or where memory grows.
 * Run: node --conditions=guestwright-source --expose-gc --import tsx bench/soak.ts [kills] [exits] [seed]
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { boot, kvmKind } from "guestwright/kvm";
import { counting } from "../test/kvm/images.ts";
import { disturbRuns } from "../test/kvm/random-faults.ts";
import { resources, type Resources } from "../test/kvm/resources.ts";
import { disturbStreams } from "../test/kvm/smp/random-streams.ts";

const kills = Number(process.argv[2] ?? 10_000);
const exits = Number(process.argv[3] ?? 10_000_000);
const seed = Number(process.argv[4] ?? Math.floor(Date.now() / 86_400_000));

/** How much more memory a part of the soak may hold at its end than after a tenth of it, in MiB. */
const MAX_GROWTH = 16;
const PARTS = 10;

/** What is resident, in MiB, without what the next garbage collection would free. */
function residentMemory(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss() / 2 ** 20;
}

/** What machines hold. Address space is not looked at: the first thread reserves much of it for good. */
function held(): Omit<Resources, "memory"> {
  const { memory: _, ...rest } = resources();
  return rest;
}

/** Does something in ten parts, and shows what it costs. */
async function soak(what: string, count: number, part: (count: number) => Promise<void>): Promise<void> {
  const before = held();
  let first = 0;
  for (let done = 1; done <= PARTS; done++) {
    const start = performance.now();
    await part(Math.ceil(count / PARTS));
    // A run that nobody came back to is put out by then.
    await nextTurn();
    await nextTurn();
    const memory = residentMemory();
    if (done === 1) first = memory;
    const rate = (count / PARTS / (performance.now() - start)) * 1000;
    console.log(`${what}: ${done * 10}%, ${rate.toFixed(0)} a second, ${memory.toFixed(1)} MiB`);
    if (memory - first > MAX_GROWTH) throw new Error(`${what}: memory grew from ${first} to ${memory} MiB`);
  }
  const after = held();
  if (JSON.stringify(after) !== JSON.stringify(before)) {
    throw new Error(`${what}: left behind: ${JSON.stringify({ before, after })}`);
  }
}

console.log(`KVM: ${kvmKind()}; seed ${seed}`);
let round = 0;
await soak("killed runs", kills, async (count) => {
  await disturbRuns(count, seed + round++);
});
await soak("streams of two vCPUs", kills, async (count) => {
  await disturbStreams(count);
});
await soak("synchronous exits", exits, async (count) => {
  using machine = await boot(counting);
  let left = count;
  for (const exit of machine.run({ timeout: Infinity })) {
    if (exit.kind !== "io-out" || exit.data[0] !== (count - left) % 256) throw new Error(`${left} left: ${exit.kind}`);
    if (--left === 0) break;
  }
});
await soak("asynchronous exits", exits / 10, async (count) => {
  using machine = await boot(counting);
  let left = count;
  for await (const exit of machine.stream({ timeout: Infinity })) {
    if (exit.kind !== "io-out" || exit.data[0] !== (count - left) % 256) throw new Error(`${left} left: ${exit.kind}`);
    if (--left === 0) break;
  }
});
