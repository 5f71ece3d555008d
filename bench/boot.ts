/**
 * Booting a guest of 32 KiB (open, create, load, first exit, close) against a C program that does the same, interleaved,
 * medians. The C program asks KVM for its CPUID at each boot, as one does that boots one guest, or once in its life. The same
 * system calls take longer in Node's process, whose memory has hundreds of mappings: what they take there stands by itself.
 * Run: node --conditions=guestwright-source --import tsx bench/boot.ts [boots a round] [rounds]
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { boot, kvmKind, type LoadableImage } from "guestwright/kvm";
import { loadLibc, type Libc } from "../src/kvm/host/libc.ts";
import { realMode } from "../test/kvm/images.ts";

const boots = Number(process.argv[2] ?? 40);
const rounds = Number(process.argv[3] ?? 15);
const RAM = 0x8000;

/** So many boots it takes until V8 has compiled all that they run, and so many are a row of their own. */
const WARM_UP = 2500;
const FIRST = 400;

/** out 0x10, al; hlt, in an image that fills its memory. */
const bytes = new Uint8Array(RAM);
bytes.set([0xe6, 0x10, 0xf4]);
const seed = realMode();
const image: LoadableImage = {
  ...seed,
  memory: [{ name: "ram", kind: "ram", at: 0n, size: BigInt(RAM) }],
  chunks: [{ name: "code", at: 0n, bytes }],
};

/** Boots so many times; prints the nanoseconds that it took. */
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
  #include <unistd.h>
  static void require(int condition, const char *what) { if (!condition) { perror(what); exit(1); } }
  static unsigned char image[${RAM}] = { 0xe6, 0x10, 0xf4 };
  static void boot(int asks_each_time) {
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    require(kvm >= 0 && ioctl(kvm, KVM_GET_API_VERSION, 0) == 12, "/dev/kvm");
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    require(vm >= 0, "KVM_CREATE_VM");
    uint64_t identity_map = 0xfffbc000;
    require(ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &identity_map) == 0, "KVM_SET_IDENTITY_MAP_ADDR");
    require(ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000) == 0, "KVM_SET_TSS_ADDR");
    unsigned char *memory = mmap(0, ${RAM}, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region region = { 0, 0, 0, ${RAM}, (uintptr_t)memory };
    require(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0, "KVM_SET_USER_MEMORY_REGION");
    memcpy(memory, image, ${RAM});
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    require(vcpu >= 0, "KVM_CREATE_VCPU");
    int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    struct kvm_run *run = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    static struct { struct kvm_cpuid2 head; struct kvm_cpuid_entry2 entries[256]; } cpuid;
    if (asks_each_time || cpuid.head.nent == 0) {
      cpuid.head.nent = 256;
      require(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) == 0, "KVM_GET_SUPPORTED_CPUID");
    }
    require(ioctl(vcpu, KVM_SET_CPUID2, &cpuid) == 0, "KVM_SET_CPUID2");
    struct kvm_sregs sregs;
    ioctl(vcpu, KVM_GET_SREGS, &sregs);
    sregs.cs.base = sregs.cs.selector = 0;
    require(ioctl(vcpu, KVM_SET_SREGS, &sregs) == 0, "KVM_SET_SREGS");
    struct kvm_regs regs = { .rflags = 2 };
    require(ioctl(vcpu, KVM_SET_REGS, &regs) == 0, "KVM_SET_REGS");
    require(ioctl(vcpu, KVM_RUN, 0) == 0 && run->exit_reason == KVM_EXIT_IO, "KVM_RUN");
    munmap(run, size);
    close(vcpu);
    close(vm);
    munmap(memory, ${RAM});
    close(kvm);
  }
  int main(int argc, char **argv) {
    struct timespec from, to;
    int boots = atoi(argv[1]);
    int asks_each_time = strcmp(argv[2], "each") == 0;
    boot(asks_each_time);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < boots; i++) boot(asks_each_time);
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%lld", (to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec);
    return 0;
  }`;

const folder = mkdtempSync(path.join(tmpdir(), "guestwright-bench-"));
const program = path.join(folder, "host");

/** Nanoseconds for each boot. @param asks when CPUID is asked for */
const measureC = (asks: "each" | "once"): number =>
  Number(execFileSync(program, [String(boots), asks], { encoding: "utf8" })) / boots;

/** Adds up the nanoseconds that the functions of libc take. */
function timed(libc: Libc): { nanoseconds: bigint } {
  const sum = { nanoseconds: 0n };
  const members = libc as unknown as Record<string, unknown>;
  for (const [name, call] of Object.entries(members)) {
    if (typeof call !== "function") continue;
    members[name] = (...parameters: readonly unknown[]): unknown => {
      const start = process.hrtime.bigint();
      const result: unknown = call(...parameters);
      sum.nanoseconds += process.hrtime.bigint() - start;
      return result;
    };
  }
  return sum;
}

const inside = timed(await loadLibc());

/** Nanoseconds for each boot: all of them, and those in libc's functions. */
async function measure(): Promise<readonly [all: number, inside: number]> {
  inside.nanoseconds = 0n;
  const start = process.hrtime.bigint();
  for (let round = 0; round < boots; round++) {
    using machine = await boot(image);
    const { value } = machine.run().next();
    if (value?.kind !== "io-out") throw new Error(`an exit of kind ${value?.kind}`);
  }
  return [Number(process.hrtime.bigint() - start) / boots, Number(inside.nanoseconds) / boots];
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

try {
  writeFileSync(`${program}.c`, cHost);
  execFileSync("gcc", ["-O2", "-Wall", "-o", program, `${program}.c`], { stdio: "inherit" });
  const each: number[] = [];
  const once: number[] = [];
  const ours: number[] = [];
  const calls: number[] = [];
  const first: number[] = [];
  for (let round = 0; round * boots < WARM_UP; round++) {
    const [all] = await measure();
    if (round * boots < FIRST) first.push(all);
  }
  for (let round = 0; round < rounds; round++) {
    each.push(measureC("each"));
    const [all, inCalls] = await measure();
    ours.push(all);
    calls.push(inCalls);
    once.push(measureC("once"));
  }
  console.log(`KVM: ${kvmKind()}; ${rounds} rounds of ${boots} boots each, interleaved, medians`);
  console.table(
    Object.fromEntries(
      [
        ["C, CPUID at each boot", each],
        ["C, CPUID once", once],
        ["guestwright", ours],
        ["guestwright, its system calls alone", calls],
        [`guestwright, the first ${FIRST} boots`, first],
      ].map(([name, times]) => [
        name,
        {
          "µs a boot": (median(times as number[]) / 1000).toFixed(0),
          "guestwright takes": `${(median(ours) / median(times as number[])).toFixed(3)} times as long`,
        },
      ]),
    ),
  );
} finally {
  rmSync(folder, { recursive: true });
}
