/** The other ways to learn what a guest wrote to: rings of pages, and logs that are cleared by hand. */
import { expect, test } from "vitest";
import { memoryFlags, type DirtyPage } from "../../src/kvm/index.ts";
import { describeKvm } from "./require-kvm.ts";
import { exitsOf, withVcpu, type VmSetup } from "./with-vcpu.ts";

const badArgument = (message: string): unknown => expect.objectContaining({ code: "BAD_ARGUMENT", message });

const RING = 0x1_0000;
const flags = memoryFlags.KVM_MEM_LOG_DIRTY_PAGES;

/** mov cx, N; mov ax, 0x1000; each: mov es, ax; inc byte [es:0]; add ax, 0x100; loop each; hlt: dirties N pages from 0x10 on. */
const dirtying = (pages: number): number[] => [
  ...[0xb9, pages & 0xff, pages >> 8, 0xb8, 0x00, 0x10, 0x8e, 0xc0, 0x26, 0xfe, 0x06, 0x00, 0x00],
  ...[0x05, 0x00, 0x01, 0xe2, 0xf4, 0xf4],
];

const withRing = (code: readonly number[]): VmSetup => ({
  code,
  memory: 0x10_0000n,
  flags,
  before: (vm) => vm.enableDirtyRing(RING),
});

const numbers = (pages: readonly DirtyPage[]): number[] => pages.map(({ page }) => Number(page));
const from16 = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 16);

describeKvm("a ring of dirty pages", () => {
  test("names each page, until it is given back", () =>
    withVcpu(
      (vcpu, vm) => {
        expect(vcpu.reapDirtyRing()).toEqual([]);
        expect(exitsOf(vcpu)).toEqual([{ kind: "hlt" }]);
        const pages = vcpu.reapDirtyRing();
        expect(pages[0]).toEqual({ slot: 0, page: 16n });
        expect(numbers(pages)).toEqual(from16(20));
        expect(vcpu.reapDirtyRing()).toEqual([]);
        expect(vm.resetDirtyRings()).toBe(20);
        expect(vm.resetDirtyRings()).toBe(0);
        vcpu.setRegs({ ...vcpu.getRegs(), rip: 0n });
        exitsOf(vcpu);
        expect(numbers(vcpu.reapDirtyRing())).toEqual(from16(20));
      },
      withRing(dirtying(20)),
    ));

  test("goes round and loses nothing", () => {
    const pages = 240;
    return withVcpu(
      (vcpu, vm) => {
        const seen: number[] = [];
        let full = 0;
        for (let round = 0; round < 40; round++) {
          vcpu.setRegs({ ...vcpu.getRegs(), rip: 0n });
          for (let exit = vcpu.run(); exit.kind !== "hlt"; exit = vcpu.run()) {
            expect(exit).toEqual({ kind: "dirty-ring-full" });
            full++;
            seen.push(...numbers(vcpu.reapDirtyRing()));
            vm.resetDirtyRings();
          }
          if (round % 3 === 2) {
            seen.push(...numbers(vcpu.reapDirtyRing()));
            vm.resetDirtyRings();
          }
        }
        expect(new Set(seen)).toEqual(new Set(from16(pages)));
        expect(seen.length).toBeGreaterThan(RING / 16 - 1024);
        expect(full).toBeLessThan(40);
      },
      withRing(dirtying(pages)),
    );
  });

  test("that is small fills, and the guest goes on once it was read", () =>
    withVcpu(
      (vcpu, vm) => {
        const seen: number[] = [];
        let full = 0;
        const { segments, ...special } = vcpu.getSregs();
        vcpu.setSregs({ ...special, segments: { ...segments, ds: { ...segments.ds, limit: 0xffff_ffff, g: 1 } } });
        for (let exit = vcpu.run(); exit.kind !== "hlt"; exit = vcpu.run()) {
          expect(["io-out", "dirty-ring-full"]).toContain(exit.kind);
          if (exit.kind === "io-out") continue;
          full++;
          seen.push(...numbers(vcpu.reapDirtyRing()));
          vm.resetDirtyRings();
        }
        seen.push(...numbers(vcpu.reapDirtyRing()));
        expect(seen).toEqual(from16(3000));
        expect(full).toBeGreaterThanOrEqual(2);
      },
      {
        // mov ecx, 3000; mov ebx, 0x10000; each: inc byte [ebx]; out 0x10, al; add ebx, 0x1000; dec ecx; jnz each; hlt. KVM
        // looks whether the ring is full when it enters the guest; where it emulates, as here, an exit makes it enter.
        code: [
          ...[0x66, 0xb9, 0xb8, 0x0b, 0, 0, 0x66, 0xbb, 0, 0, 1, 0],
          ...[0x67, 0xfe, 0x03, 0xe6, 0x10, 0x66, 0x81, 0xc3, 0, 0x10, 0, 0, 0x66, 0x49, 0x75, 0xf0, 0xf4],
        ],
        flags,
        memory: 0x100_0000n,
        before: (vm) => vm.enableDirtyRing(0x4000),
      },
    ));

  test("is asked for before the vCPU, and takes the place of the log", () =>
    withVcpu((vcpu, vm) => {
      expect(() => vcpu.reapDirtyRing()).toThrow(
        badArgument("the vCPU has no dirty ring\n  hint: call enableDirtyRing of the VM before createVcpu"),
      );
      expect(() => vm.enableDirtyRing(-1)).toThrow(badArgument("no size: -1"));
      expect(() => vm.enableDirtyRing(5000)).toThrow(
        expect.objectContaining({ code: "IOCTL_FAILED", errno: "EINVAL" }),
      );
      vm.close();
      expect(() => vcpu.reapDirtyRing()).toThrow(/^the vCPU is closed/);
    }));

  test("leaves no log for a snapshot", () =>
    withVcpu(
      (_, vm) => {
        expect(() => vm.getDirtyLog(0)).toThrow(expect.objectContaining({ code: "IOCTL_FAILED", errno: "ENXIO" }));
      },
      withRing([0xf4]),
    ));
});

describeKvm("a dirty log that is cleared by hand", () => {
  test("keeps its bits until then", () =>
    withVcpu(
      (vcpu, vm) => {
        vm.enableCap("KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2", [1n]);
        exitsOf(vcpu);
        const log = vm.getDirtyLog(0);
        expect([...log.subarray(0, 8)]).toEqual([0, 0, 0xff, 0xff, 0x0f, 0, 0, 0]);
        expect(vm.getDirtyLog(0)).toEqual(log);
        vm.clearDirtyLog(0, Uint8Array.of(0, 0, 0xff, 0, 0, 0, 0, 0));
        expect([...vm.getDirtyLog(0).subarray(0, 8)]).toEqual([0, 0, 0, 0xff, 0x0f, 0, 0, 0]);
        vm.clearDirtyLog(0, vm.getDirtyLog(0));
        expect(vm.getDirtyLog(0).every((byte) => byte === 0)).toBe(true);
        expect(() => vm.clearDirtyLog(0, new Uint8Array(8), 3n)).toThrow(
          expect.objectContaining({ code: "IOCTL_FAILED", errno: "EINVAL" }),
        );
        expect(() => vm.clearDirtyLog(3, new Uint8Array(8))).toThrow(badArgument("there is no slot 3"));
      },
      { code: dirtying(20), memory: 0x10_0000n, flags },
    ));
});
