/** Runs that end before their guest does, in every way that a run can, chosen at random: nothing may be lost or left behind. */
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { boot, type Device, type Exit, type LoadableImage, type Machine } from "../../src/kvm/index.ts";
import { realMode } from "./images.ts";

/** How often the guest goes round, and what it then exits with. */
const ROUNDS = 20;

/** In real mode: writes CL to port 0x10, reads port 0x11, writes CL to 0x2000, spins a little; twenty times. */
const image: LoadableImage = realMode(
  ...[0xb1, ROUNDS], // mov cl, ROUNDS
  ...[0x88, 0xc8, 0xe6, 0x10], // mov al, cl; out 0x10, al
  ...[0xe4, 0x11], // in al, 0x11
  ...[0x88, 0xc8, 0xa2, 0x00, 0x20], // mov al, cl; mov [0x2000], al
  ...[0xba, 0x14, 0x00, 0x4a, 0x75, 0xfd], // mov dx, 20; dec dx; jnz -3
  ...[0xfe, 0xc9, 0x75, 0xeb], // dec cl; jnz to the second line
  0xf4,
);

/** What a guest did that nobody disturbed. */
const undisturbed: readonly string[] = Array.from({ length: ROUNDS }, (_, round) => ROUNDS - round).flatMap((left) => [
  `io-out ${left}`,
  "io-in",
  `mmio-write ${left}`,
]);

/** A generator of numbers from 0 to 1: the same for the same seed (xorshift, Marsaglia 2003). */
function randomFrom(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

class Fault extends Error {}

/** One run of a guest, and what was seen of it so far. */
interface Run {
  readonly machine: Machine;
  readonly random: () => number;
  readonly seen: string[];
}

function note(seen: string[], exit: Exit): void {
  if (exit.kind === "io-out" || exit.kind === "mmio-write") seen.push(`${exit.kind} ${exit.data[0]}`);
  else if (exit.kind === "io-in") seen.push(exit.kind);
}

/** Devices that note what they are asked, and throw after a few accesses. */
function faultyDevices({ seen, random }: Run): readonly Device[] {
  const count = faultAfter(random);
  const write = (kind: string) => (value: number) => {
    seen.push(`${kind} ${value}`);
    count();
  };
  const read = (): number => {
    seen.push("io-in");
    count();
    return 0;
  };
  return [
    { name: "ports", ports: { at: 0x10, size: 2 }, read: { u8: read }, write: { u8: write("io-out") } },
    { name: "memory", mmio: { at: 0x2000n, size: 1 }, write: { u8: write("mmio-write") } },
  ];
}

/** A device that notes what is written to it, a turn of the event loop later, and fails after a few writes. */
function faultyLater({ seen, random }: Run): Device<"async"> {
  const count = faultAfter(random);
  const u8 = async (value: number): Promise<void> => {
    seen.push(`io-out ${value}`);
    await nextTurn();
    count();
  };
  return { name: "later", ports: { at: 0x10, size: 1 }, write: { u8 } };
}

function faultAfter(random: () => number): () => void {
  let left = Math.floor(random() * 60);
  return () => {
    if (left-- === 0) throw new Fault();
  };
}

/** The ways in which a run may end before its guest does. */
const faults: Readonly<Record<string, (run: Run) => void | Promise<void>>> = {
  "a deadline of run": ({ machine, random, seen }) => {
    for (const exit of machine.run({ timeout: 0.001 + random() })) note(seen, exit);
  },
  "a deadline of stream": async ({ machine, random, seen }) => {
    for await (const exit of machine.stream({ timeout: 0.001 + random() })) note(seen, exit);
  },
  "a limit of exits": ({ machine, random, seen }) => {
    for (const exit of machine.run({ maxExits: 1 + Math.floor(random() * 30) })) note(seen, exit);
  },
  "break out of run": ({ machine, random, seen }) => {
    for (const exit of machine.run()) {
      note(seen, exit);
      if (random() < 0.1) break;
    }
  },
  "break out of stream": async ({ machine, random, seen }) => {
    for await (const exit of machine.stream()) {
      note(seen, exit);
      if (random() < 0.1) break;
    }
  },
  "an exception in the loop over run": ({ machine, random, seen }) => {
    for (const exit of machine.run()) {
      note(seen, exit);
      if (random() < 0.1) throw new Fault();
    }
  },
  "an exception in the loop over stream": async ({ machine, random, seen }) => {
    for await (const exit of machine.stream()) {
      note(seen, exit);
      if (random() < 0.1) throw new Fault();
    }
  },
  "an exception in a device of run": (run) => {
    for (const exit of run.machine.run({ devices: faultyDevices(run) })) note(run.seen, exit);
  },
  "an exception in a device of stream": async (run) => {
    for await (const exit of run.machine.stream({ devices: faultyDevices(run) })) note(run.seen, exit);
  },
  "a rejection by a device of stream": async (run) => {
    for await (const exit of run.machine.stream({ devices: [faultyLater(run)] })) note(run.seen, exit);
  },
  "an abort after some exits": async ({ machine, random, seen }) => {
    const controller = new AbortController();
    for await (const exit of machine.stream({ signal: controller.signal })) {
      note(seen, exit);
      if (random() < 0.1) controller.abort(new Fault());
    }
  },
  "an abort from outside": async ({ machine, random, seen }) => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new Fault()), Math.floor(random() * 3));
    try {
      for await (const exit of machine.stream({ signal: controller.signal })) {
        note(seen, exit);
        if (random() < 0.05) await sleep(1);
      }
    } finally {
      clearTimeout(timer);
    }
  },
  "a run that nobody comes back to": ({ machine, random, seen }) => {
    const run = machine.run();
    for (let steps = Math.floor(random() * 20); steps >= 0; steps--) {
      const { value } = run.next();
      if (value !== undefined) note(seen, value);
    }
  },
};

const names = Object.keys(faults);

/** What came of so many runs. */
export interface FaultReport {
  /** How often each fault was used. */
  readonly faults: Readonly<Record<string, number>>;
  /** How many guests came to their end, after one fault or several. */
  readonly guests: number;
}

/**
 * Disturbs runs, each by one fault, on machines that are used again and again by their snapshots, or replaced at random. A guest
 * is disturbed until it has come to its end; what was seen of it must then be what an undisturbed one does.
 *
 * @param afterEach is called after every guest that came to its end
 * @throws Error where something was seen that should not, with the faults that led to it
 */
export async function disturbRuns(count: number, seed: number, afterEach?: () => void): Promise<FaultReport> {
  const random = randomFrom(seed);
  const used: Record<string, number> = Object.fromEntries(names.map((name) => [name, 0]));
  let left = count;
  let guests = 0;
  while (left > 0) {
    using machine = await boot(image);
    const start = machine.snapshot();
    do {
      const seen: string[] = [];
      const history: string[] = [];
      for (; left > 0 && random() < 0.7; left--) {
        const name = names[Math.floor(random() * names.length)]!;
        used[name]!++;
        history.push(name);
        await disturb(faults[name]!, { machine, random, seen });
      }
      // What the faults left of it, undisturbed; one that ended is where its hlt was.
      if (seen.length < undisturbed.length || !isAtEnd(machine)) for (const exit of machine.run()) note(seen, exit);
      if (seen.join() !== undisturbed.join() || !isAtEnd(machine)) {
        throw new Error(`seed ${seed}, after ${history.join(", ")}: ${seen.join()}`);
      }
      guests++;
      afterEach?.();
      machine.restore(start);
    } while (random() < 0.9);
  }
  return { faults: used, guests };
}

async function disturb(fault: (run: Run) => void | Promise<void>, run: Run): Promise<void> {
  if (isAtEnd(run.machine)) return;
  try {
    await fault(run);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
}

/** Behind the `hlt`. */
const END = BigInt(image.chunks[0]!.bytes.length);
const isAtEnd = (machine: Machine): boolean => machine.complete() && machine.registers().rip === END;
