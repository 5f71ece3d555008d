/** Which ioctls a snapshot makes, with which bytes: on a kernel of this file's own, which has what this host may lack. */
import { describe, expect, test } from "vitest";
import { ioctlNumber, ioctls, type IoctlName } from "../../src/kvm/abi/ioctls.ts";
import { Descriptor } from "../../src/kvm/host/descriptor.ts";
import type { Libc } from "../../src/kvm/host/libc.ts";
import { VcpuSnapshot } from "../../src/kvm/snapshot/vcpu-snapshot.ts";
import { VmSnapshot } from "../../src/kvm/snapshot/vm-snapshot.ts";

interface Call {
  readonly name: IoctlName;
  readonly bytes: Uint8Array;
}

const nameOf = (request: number): IoctlName =>
  (Object.keys(ioctls) as IoctlName[]).find((name) => ioctlNumber(name) === request)!;

/** A kernel that answers by a table: what an ioctl does to its struct, and its result; others fill it with their size. */
function kernel(answers: Partial<Record<IoctlName, (bytes: Uint8Array) => number>>): {
  calls: Call[];
  descriptor: Descriptor;
} {
  const calls: Call[] = [];
  const ioctlBytes = (_: number, request: number, bytes: Uint8Array): number => {
    const name = nameOf(request);
    const answer = answers[name];
    let result = 0;
    if (answer !== undefined) result = answer(bytes);
    else if (name.startsWith("KVM_GET_")) bytes.fill(bytes.length % 251);
    calls.push({ name, bytes: bytes.slice() });
    return result;
  };
  const libc = { ioctlBytes, errno: () => 22 } as unknown as Libc;
  return { calls, descriptor: new Descriptor(libc, 7, "a descriptor") };
}

const nothing = new Set<never>();
const never = (): boolean => false;
const missing = (): number => -1;
const namesOf = (calls: readonly Call[]): string[] => calls.map(({ name }) => name);

describe("the FPU's state", () => {
  test.each([
    [0, "KVM_GET_XSAVE", 4096],
    [4096, "KVM_GET_XSAVE2", 4096],
    [11_008, "KVM_GET_XSAVE2", 11_008], // what a guest with AMX has
  ] as const)("where KVM_CAP_XSAVE2 says %i it is read by %s, all %i bytes of it", (xsave2Size, get, size) => {
    const { calls, descriptor } = kernel({});
    const snapshot = new VcpuSnapshot(descriptor, { msrs: [], xsave2Size }, nothing);
    const [read, ...others] = calls.filter(({ name }) => name.includes("XSAVE"));
    expect([read!.name, read!.bytes.length, others]).toEqual([get, size, []]);
    snapshot.restore(never);
    expect(calls.filter(({ name }) => name === "KVM_SET_XSAVE")).toEqual([
      { name: "KVM_SET_XSAVE", bytes: read!.bytes },
    ]);
  });
});

/** The numbers of the registers in a `struct kvm_msrs`. */
function msrsIn(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Array.from({ length: view.getUint32(0, true) }, (_, number) => view.getUint32(8 + 16 * number, true));
}

describe("model-specific registers", () => {
  test("one that cannot be read, and one that cannot be set, keep no other from coming back", () => {
    const stopAt = (refused: number) => (bytes: Uint8Array) => {
      const at = msrsIn(bytes).indexOf(refused);
      return at === -1 ? msrsIn(bytes).length : at;
    };
    const { calls, descriptor } = kernel({ KVM_GET_MSRS: stopAt(0x200), KVM_SET_MSRS: stopAt(0x300) });
    const msrs = [0x10, 0x3b, 0x100, 0x200, 0x300, 0x400];
    const snapshot = new VcpuSnapshot(descriptor, { msrs, xsave2Size: 0 }, nothing);
    const asked = (): number[][] =>
      calls.filter(({ name }) => name.endsWith("_MSRS")).map(({ bytes }) => msrsIn(bytes));
    // Time goes on: the time stamp counter and its adjustment are never asked for.
    expect(asked()).toEqual([
      [0x100, 0x200, 0x300, 0x400],
      [0x100, 0x300, 0x400],
    ]);
    calls.length = 0;
    snapshot.restore(never);
    expect(asked()).toEqual([
      [0x100, 0x300, 0x400],
      [0x100, 0x400],
    ]);
    calls.length = 0;
    snapshot.restore(never);
    expect(asked()).toEqual([[0x100, 0x400]]);
  });
});

describe("a vCPU's state", () => {
  test("with a local APIC: an INIT that waits is taken before all, and nothing is left to KVM_RUN", () => {
    const { calls, descriptor } = kernel({});
    const snapshot = new VcpuSnapshot(descriptor, { msrs: [], xsave2Size: 0 }, nothing);
    expect(calls[0]!.name).toBe("KVM_GET_MP_STATE");
    calls.length = 0;
    snapshot.restore(() => expect.unreachable());
    expect(namesOf(calls)).toEqual([
      "KVM_GET_MP_STATE",
      ...["KVM_SET_SREGS", "KVM_SET_LAPIC", "KVM_SET_XSAVE", "KVM_SET_XCRS", "KVM_SET_DEBUGREGS"],
      ...["KVM_SET_REGS", "KVM_SET_VCPU_EVENTS", "KVM_SET_MP_STATE"],
    ]);
  });

  test("without one: registers go with the next KVM_RUN where the vCPU can, else by ioctls", () => {
    const { calls, descriptor } = kernel({ KVM_GET_LAPIC: missing });
    const snapshot = new VcpuSnapshot(descriptor, { msrs: [], xsave2Size: 0 }, nothing);
    calls.length = 0;
    snapshot.restore(({ regs, sregs, events }) => {
      expect([regs?.length, sregs?.length, events?.length]).toEqual([144, 312, 64]);
      return true;
    });
    expect(namesOf(calls)).toEqual(["KVM_SET_XSAVE", "KVM_SET_XCRS", "KVM_SET_DEBUGREGS"]);
    snapshot.restore(never);
    expect(namesOf(calls.slice(6))).toEqual(["KVM_SET_SREGS", "KVM_SET_REGS", "KVM_SET_VCPU_EVENTS"]);
  });
});

describe("what a VM has once", () => {
  test("each controller by its number, the timer, and the clock without its flags", () => {
    const { calls, descriptor } = kernel({ KVM_GET_IRQCHIP: () => 0 });
    const snapshot = new VmSnapshot(descriptor, nothing);
    calls.length = 0;
    snapshot.restore();
    expect(namesOf(calls)).toEqual([
      ...["KVM_SET_IRQCHIP", "KVM_SET_IRQCHIP", "KVM_SET_IRQCHIP", "KVM_SET_PIT2", "KVM_SET_CLOCK"],
    ]);
    // KVM_IRQCHIP_PIC_MASTER, KVM_IRQCHIP_PIC_SLAVE and KVM_IRQCHIP_IOAPIC (asm/kvm.h).
    expect(calls.slice(0, 3).map(({ bytes }) => bytes[0])).toEqual([0, 1, 2]);
    // `kvm_clock_data.flags`, which only KVM_GET_CLOCK tells.
    const clock = calls.at(-1)!.bytes;
    expect([clock[7], ...clock.subarray(8, 12), clock[12]]).toEqual([48, 0, 0, 0, 0, 48]);
  });

  test("what it does not have is left out, and so is what is not wanted", () => {
    const { calls, descriptor } = kernel({ KVM_GET_IRQCHIP: missing, KVM_GET_PIT2: missing });
    const snapshot = new VmSnapshot(descriptor, nothing);
    calls.length = 0;
    snapshot.restore();
    expect(namesOf(calls)).toEqual(["KVM_SET_CLOCK"]);
    calls.length = 0;
    new VmSnapshot(descriptor, new Set(["controllers" as const])).restore();
    expect(calls).toEqual([]);
  });
});
