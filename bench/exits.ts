/**
 * Synchronous exits per second against a C loop over the same guest, interleaved, medians. Between the two stands a loop of
 * koffi's calls alone, which looks at no exit: as fast as JavaScript can be here.
 * Run: node --conditions=guestwright-source --import tsx bench/exits.ts [exits a round] [rounds]
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { boot, kvmKind, type LoadableImage } from "guestwright/kvm";
import { ioctlNumber } from "../src/kvm/abi/ioctls.ts";
import type { VcpuHandle } from "../src/kvm/calls/vcpu.ts";
import { loadLibc } from "../src/kvm/host/libc.ts";
import { realMode } from "../test/kvm/images.ts";

const exits = Number(process.argv[2] ?? 40_000);
const rounds = Number(process.argv[3] ?? 9);

/** Guests that exit for ever, one exit every three instructions. */
const guests: readonly { readonly name: string; readonly code: readonly number[] }[] = [
  // out 0x10, al; inc al; jmp
  { name: "one-byte out", code: [0xe6, 0x10, 0xfe, 0xc0, 0xeb, 0xfa] },
  // in al, 0x10; inc al; jmp
  { name: "one-byte in", code: [0xe4, 0x10, 0xfe, 0xc0, 0xeb, 0xfa] },
  // mov [0x2000], al; inc al; jmp
  { name: "one-byte mmio write", code: [0xa2, 0x00, 0x20, 0xfe, 0xc0, 0xeb, 0xf9] },
];

/** Runs the guest's code at 0 of 4 KiB in real mode for a number of exits; prints the nanoseconds they took. */
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
  int main(int argc, char **argv) {
    long exits = atol(argv[1]);
    int kvm = open("/dev/kvm", O_RDWR);
    require(kvm >= 0, "/dev/kvm");
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    require(vm >= 0, "KVM_CREATE_VM");
    unsigned char *memory = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 2; i < argc; i++) memory[i - 2] = atoi(argv[i]);
    struct kvm_userspace_memory_region region = { 0, 0, 0, 4096, (uintptr_t)memory };
    require(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0, "KVM_SET_USER_MEMORY_REGION");
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    require(vcpu >= 0, "KVM_CREATE_VCPU");
    struct kvm_run *run = mmap(0, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    struct kvm_sregs sregs;
    ioctl(vcpu, KVM_GET_SREGS, &sregs);
    sregs.cs.base = sregs.cs.selector = 0;
    require(ioctl(vcpu, KVM_SET_SREGS, &sregs) == 0, "KVM_SET_SREGS");
    struct kvm_regs regs = { .rflags = 2 };
    require(ioctl(vcpu, KVM_SET_REGS, &regs) == 0, "KVM_SET_REGS");
    struct timespec from, to;
    unsigned sum = 0;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (long i = 0; i < exits; i++) {
      require(ioctl(vcpu, KVM_RUN, 0) == 0, "KVM_RUN");
      unsigned char *data;
      if (run->exit_reason == KVM_EXIT_IO) data = (unsigned char *)run + run->io.data_offset;
      else if (run->exit_reason == KVM_EXIT_MMIO) data = run->mmio.data;
      else { fprintf(stderr, "exit %u\\n", run->exit_reason); return 1; }
      if (run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_IN) *data = i; else sum += *data;
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%lld %u", (to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec, sum);
    return 0;
  }`;

const folder = mkdtempSync(path.join(tmpdir(), "guestwright-bench-"));

function compile(): string {
  const program = path.join(folder, "host");
  writeFileSync(`${program}.c`, cHost);
  execFileSync("gcc", ["-O2", "-Wall", "-o", program, `${program}.c`], { stdio: "inherit" });
  return program;
}

/** Nanoseconds for each exit. */
function measureC(program: string, code: readonly number[]): number {
  const output = execFileSync(program, [String(exits), ...code.map(String)], { encoding: "utf8" });
  return Number(output.split(" ")[0]) / exits;
}

/** Nanoseconds for each exit. */
async function measure(image: LoadableImage): Promise<number> {
  using machine = await boot(image);
  let left = exits;
  let sum = 0;
  const start = process.hrtime.bigint();
  for (const exit of machine.run({ timeout: "60s" })) {
    if (exit.kind === "io-out" || exit.kind === "mmio-write") sum += exit.data[0]!;
    else if (exit.kind === "io-in") exit.data[0] = left;
    else throw new Error(`an exit of kind ${exit.kind} after ${exits - left}, sum ${sum}`);
    if (--left === 0) break;
  }
  return Number(process.hrtime.bigint() - start) / exits;
}

/** Nanoseconds for each exit that nobody reads. */
async function measureKoffi(image: LoadableImage): Promise<number> {
  using machine = await boot(image);
  const libc = await loadLibc();
  const { fd } = machine.vcpu as VcpuHandle;
  const request = ioctlNumber("KVM_RUN");
  const start = process.hrtime.bigint();
  for (let left = exits; left > 0; left--) {
    if (libc.ioctl(fd, request, 0) !== 0) throw new Error(`KVM_RUN: errno ${libc.errno()}`);
  }
  return Number(process.hrtime.bigint() - start) / exits;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

try {
  const program = compile();
  const rows: Record<string, Record<string, string>> = {};
  for (const { name, code } of guests) {
    const image = realMode(...code);
    const c: number[] = [];
    const koffi: number[] = [];
    const ours: number[] = [];
    await measure(image); // warms up
    await measureKoffi(image);
    for (let round = 0; round < rounds; round++) {
      c.push(measureC(program, code));
      koffi.push(await measureKoffi(image));
      ours.push(await measure(image));
    }
    rows[name] = {
      "C, ns an exit": median(c).toFixed(0),
      "koffi alone, ns": median(koffi).toFixed(0),
      "guestwright, ns": median(ours).toFixed(0),
      "koffi's share of C's rate": (median(c) / median(koffi)).toFixed(3),
      "guestwright's": (median(c) / median(ours)).toFixed(3),
    };
  }
  console.log(`KVM: ${kvmKind()}; ${rounds} rounds of ${exits} exits each, interleaved, medians`);
  console.table(rows);
} finally {
  rmSync(folder, { recursive: true });
}
