/** Streams of two vCPUs that end at random: no exit of either may be lost, or come twice. */
import { bootSmp } from "../../../src/kvm/index.ts";
import { smpImage } from "./guests.ts";

/** Counts at a port, for ever. */
const counter = (port: number): string => `mov al, 0; each: out ${port}, al; inc al; jmp each`;

class Enough extends Error {}

/** How a stream ends: in turn by an abort, by a deadline, by `break`, by an exception. */
const WAYS = 4;

/**
 * Ends so many streams of one machine.
 *
 * @returns how many exits each vCPU had
 * @throws Error where an exit was lost or came twice
 */
export async function disturbStreams(count: number): Promise<readonly number[]> {
  using machine = await bootSmp(await smpImage(2, counter(0x10), counter(0x11)), { vcpus: 2 });
  const exits = [0, 0];
  for (let round = 0; round < count; round++) {
    const way = round % WAYS;
    const random = Math.random();
    const controller = new AbortController();
    const timer = way === 0 ? setTimeout(() => controller.abort(new Enough()), 10 * random) : undefined;
    try {
      for await (const { vcpu, exit } of machine.stream({
        signal: controller.signal,
        timeout: way === 1 ? 0.1 + 10 * random : 20,
      })) {
        if (vcpu === undefined) continue;
        const wanted = exits[vcpu]!++ % 256;
        if (exit.kind !== "io-out" || exit.data[0] !== wanted) {
          throw new Error(`stream ${round}: vCPU ${vcpu} should have written ${wanted}: ${JSON.stringify(exit)}`);
        }
        if (way === 2 && Math.random() < 0.05) break;
        if (way === 3 && Math.random() < 0.05) throw new Enough();
      }
    } catch (error) {
      if (!(error instanceof Enough)) throw error;
    }
    clearTimeout(timer);
  }
  return exits;
}
