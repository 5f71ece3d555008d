/**
 * The asynchronous stream against the synchronous one, coalesced console output and snapshot resets against C loops that do
 * the same, interleaved, medians.
 * Run: node --conditions=guestwright-source --import tsx bench/kvm.ts [rounds]
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { boot, kvmKind, type LoadableImage } from "guestwright/kvm";
import { counting, realMode, spinning } from "../test/kvm/images.ts";

const rounds = Number(process.argv[2] ?? 7);
const EXITS = 20_000;
const BYTES = 100_000;
const RESETS = 4000;
const RAM = 0x20_0000;

/** mov cx, N; mov ax, 0x1000; each: mov es, ax; inc byte [es:0]; add ax, 0x100; loop each; hlt. Dirties N pages. */
const dirtying = (pages: number): number[] => [
  ...[0xb9, pages, 0, 0xb8, 0x00, 0x10, 0x8e, 0xc0, 0x26, 0xfe, 0x06, 0x00, 0x00],
  ...[0x05, 0x00, 0x01, 0xe2, 0xf4, 0xf4],
];

const withRam = (image: LoadableImage): LoadableImage => ({
  ...image,
  memory: [{ ...image.memory[0]!, size: BigInt(RAM) }],
});

/** Prints nanoseconds: `console BYTES code...` or `reset RESETS code...`. */
const cHost = `
  #include <fcntl.h>
  #include <linux/kvm.h>
  #include <stdint.h>
  #include <stdio.h>
  #include <stdlib.h>
  #include <string.h>
  #include <sys/ioctl.h>
  #include <sys/mman.h>
  #include <time.h>
  static void require(int condition, const char *what) { if (!condition) { perror(what); exit(1); } }
  static unsigned char out[${BYTES} + 1024];
  int main(int argc, char **argv) {
    int is_reset = strcmp(argv[1], "reset") == 0;
    long count = atol(argv[2]);
    int kvm = open("/dev/kvm", O_RDWR);
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    require(vm >= 0, "KVM_CREATE_VM");
    unsigned char *memory = mmap(0, ${RAM}, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 3; i < argc; i++) memory[i - 3] = atoi(argv[i]);
    unsigned char *saved = malloc(${RAM});
    memcpy(saved, memory, ${RAM});
    struct kvm_userspace_memory_region region = { 0, is_reset ? KVM_MEM_LOG_DIRTY_PAGES : 0, 0, ${RAM}, (uintptr_t)memory };
    require(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0, "KVM_SET_USER_MEMORY_REGION");
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    struct kvm_run *run = mmap(0, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    struct kvm_sregs sregs;
    ioctl(vcpu, KVM_GET_SREGS, &sregs);
    sregs.cs.base = sregs.cs.selector = 0;
    require(ioctl(vcpu, KVM_SET_SREGS, &sregs) == 0, "KVM_SET_SREGS");
    ioctl(vcpu, KVM_GET_SREGS, &sregs);
    struct kvm_regs regs = { .rflags = 2 };
    require(ioctl(vcpu, KVM_SET_REGS, &regs) == 0, "KVM_SET_REGS");
    struct kvm_vcpu_events events;
    ioctl(vcpu, KVM_GET_VCPU_EVENTS, &events);
    struct timespec from, to;
    unsigned sum = 0;
    if (is_reset) {
      static uint64_t bitmap[${RAM} / 4096 / 64];
      struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = bitmap };
      ioctl(vm, KVM_GET_DIRTY_LOG, &log);
      clock_gettime(CLOCK_MONOTONIC, &from);
      for (long i = 0; i < count; i++) {
        require(ioctl(vcpu, KVM_RUN, 0) == 0 && run->exit_reason == KVM_EXIT_HLT, "KVM_RUN");
        require(ioctl(vm, KVM_GET_DIRTY_LOG, &log) == 0, "KVM_GET_DIRTY_LOG");
        for (int word = 0; word < ${RAM} / 4096 / 64; word++)
          for (uint64_t bits = bitmap[word]; bits; bits &= bits - 1) {
            size_t at = (word * 64 + __builtin_ctzll(bits)) * 4096ul;
            memcpy(memory + at, saved + at, 4096);
          }
        run->s.regs.regs = regs;
        run->s.regs.sregs = sregs;
        run->s.regs.events = events;
        run->kvm_dirty_regs = 7;
      }
    } else {
      struct kvm_coalesced_mmio_zone zone = { .addr = 0x10, .size = 1, .pio = 1 };
      require(ioctl(vm, KVM_REGISTER_COALESCED_MMIO, &zone) == 0, "KVM_REGISTER_COALESCED_MMIO");
      struct kvm_coalesced_mmio_ring *ring = (void *)((char *)run + 4096 * ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_MMIO));
      unsigned max = (4096 - sizeof *ring) / sizeof(struct kvm_coalesced_mmio);
      long done = 0;
      clock_gettime(CLOCK_MONOTONIC, &from);
      while (done < count) {
        require(ioctl(vcpu, KVM_RUN, 0) == 0 && run->exit_reason == KVM_EXIT_IO, "KVM_RUN");
        while (ring->first != ring->last) {
          out[done++] = ring->coalesced_mmio[ring->first].data[0];
          ring->first = (ring->first + 1) % max;
        }
        out[done++] = *((unsigned char *)run + run->io.data_offset);
      }
      for (long i = 0; i < done; i++) sum += out[i];
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%lld %u", (to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec, sum);
    return 0;
  }`;

const folder = mkdtempSync(path.join(tmpdir(), "guestwright-bench-"));
const program = path.join(folder, "host");

const measureC = (what: "console" | "reset", count: number, code: readonly number[]): number =>
  Number(execFileSync(program, [what, String(count), ...code.map(String)], { encoding: "utf8" }).split(" ")[0]) / count;

/** Nanoseconds for each of `count`. */
async function timed(count: number, body: () => void | Promise<void>): Promise<number> {
  const start = process.hrtime.bigint();
  await body();
  return Number(process.hrtime.bigint() - start) / count;
}

async function measureSync(): Promise<number> {
  using machine = await boot(counting);
  return await timed(EXITS, () => {
    let left = EXITS;
    for (const exit of machine.run({ timeout: "60s" })) if (exit.kind !== "io-out" || --left === 0) break;
  });
}

async function measureAsync(): Promise<number> {
  using machine = await boot(counting);
  return await timed(EXITS, async () => {
    let left = EXITS;
    for await (const exit of machine.stream({ timeout: "60s" })) if (exit.kind !== "io-out" || --left === 0) break;
  });
}

async function measureConsole(): Promise<number> {
  using machine = await boot(counting);
  machine.vm.registerCoalescedMmio({ addr: 0x10n, size: 1, pio: true });
  const out = new Uint8Array(BYTES + 1024);
  return await timed(BYTES, () => {
    let done = 0;
    for (const exit of machine.run({ timeout: "60s" })) {
      if (exit.kind !== "io-out") throw new Error(`an exit of kind ${exit.kind}`);
      out.set(exit.data, done);
      done += exit.data.length;
      if (done >= BYTES) break;
    }
  });
}

async function measureReset(pages: number, hasDeadline: boolean): Promise<number> {
  using machine = await boot(withRam(realMode(...dirtying(pages))));
  const snapshot = machine.snapshot({ omit: ["fpu", "debug-registers", "msrs", "controllers"] });
  return await timed(RESETS, () => {
    for (let round = 0; round < RESETS; round++) {
      const exits = hasDeadline ? machine.run() : [machine.vcpu.run()];
      for (const exit of exits) if (exit.kind !== "hlt") throw new Error(`an exit of kind ${exit.kind}`);
      machine.restore(snapshot);
    }
  });
}

/** How often a timer of 5 ms fires while a guest spins for a second. */
async function countTimers(): Promise<number> {
  using machine = await boot(spinning);
  let fired = 0;
  const interval = setInterval(() => fired++, 5);
  for await (const _ of machine.stream({ timeout: "1s" }));
  clearInterval(interval);
  return fired;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

async function compare(one: () => number | Promise<number>, two: () => Promise<number>): Promise<[number, number]> {
  const [ones, twos]: [number[], number[]] = [[], []];
  await two(); // warms up
  for (let round = 0; round < rounds; round++) {
    ones.push(await one());
    twos.push(await two());
  }
  return [median(ones), median(twos)];
}

try {
  writeFileSync(`${program}.c`, cHost);
  execFileSync("gcc", ["-O2", "-Wall", "-o", program, `${program}.c`], { stdio: "inherit" });
  const countingCode = [...counting.chunks[0]!.bytes];
  const rows: Record<string, Record<string, string>> = {};
  const add = (name: string, [base, ours]: readonly [number, number]): void => {
    rows[name] = { "base, ns": base.toFixed(0), "guestwright, ns": ours.toFixed(0), share: (base / ours).toFixed(3) };
  };
  add("stream, an exit (base: run)", await compare(measureSync, measureAsync));
  add(
    "coalesced console, a byte (base: C)",
    await compare(() => measureC("console", BYTES, countingCode), measureConsole),
  );
  for (const pages of [1, 16, 64]) {
    const base = (): number => measureC("reset", RESETS, dirtying(pages));
    add(`vcpu.run and restore, ${pages} pages (base: C)`, await compare(base, () => measureReset(pages, false)));
    add(`run and restore, ${pages} pages (base: C)`, await compare(base, () => measureReset(pages, true)));
  }
  console.log(`KVM: ${kvmKind()}; ${rounds} rounds, interleaved, medians`);
  console.table(rows);
  console.log(`a timer of 5 ms fired ${await countTimers()} times while a guest spun for a second`);
} finally {
  rmSync(folder, { recursive: true });
}
