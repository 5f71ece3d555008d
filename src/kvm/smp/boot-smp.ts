/** From an image to a machine with several vCPUs. */
import { show } from "../../core/show.ts";
import type { CpuidEntry } from "../calls/cpuid.ts";
import { openKvm, type KvmSystem } from "../calls/system.ts";
import type { VmHandle } from "../calls/vm.ts";
import { badArgument, requireOptions } from "../kvm-error.ts";
import { chosenCpuid, type BootOptions } from "../machine/boot.ts";
import { hostFacts } from "../machine/host-facts.ts";
import { loadMemory, requireImage, setEntryState, type LoadableImage } from "../machine/load-image.ts";
import { createSmpMachine, type SmpMachine } from "./smp-machine.ts";
import { VcpuCluster } from "./vcpu-cluster.ts";
import { VcpuRunner } from "./vcpu-runner.ts";

/** How a guest with several vCPUs is to be loaded. */
export interface SmpBootOptions extends BootOptions {
  /** How many vCPUs it has: from 1 to what {@link Kvm.getMaxVcpus} says, and at most 255. */
  readonly vcpus: number;
}

/** The local APIC's number has 8 bits, and 255 stands for all of them (SDM vol. 3A, 11.4.6 and 11.6.2.1). */
const MAX_APICS = 255;

/**
 * Makes a machine with several vCPUs, each on a thread of its own, with interrupt controllers in the kernel: local APICs
 * numbered from 0, whose numbers CPUID tells, two PICs and an I/O APIC. vCPU 0 is where the image says; the others wait until
 * the guest starts them with INIT and SIPI.
 *
 * Throws what {@link boot} throws, and {@link KvmError} `BAD_ARGUMENT` for a number of vCPUs that this KVM cannot have. A
 * thread costs about 30 ms.
 *
 * @example
 * ```ts
 * using machine = await bootSmp(image, { vcpus: 2 });
 * for await (const { vcpu, exit } of machine.stream({ devices: [exitDevice()] })) console.log(vcpu, exit.kind);
 * ```
 */
export async function bootSmp(image: LoadableImage, options: SmpBootOptions): Promise<SmpMachine> {
  requireImage(image);
  requireOptions("bootSmp", ["vcpus", "device", "cpuid"], options);
  using kvm = await openKvm(options);
  requireCount(options.vcpus, Math.min(kvm.getMaxVcpus(), MAX_APICS));
  const vm = kvm.createVm();
  const cluster = new VcpuCluster(vm);
  try {
    loadMemory(image, kvm, vm);
    // The local APICs come with the vCPUs.
    vm.createIrqchip();
    const starting = createVcpus(image, kvm, vm, options).map((vcpu, id) =>
      VcpuRunner.start({ libc: kvm.libc, id, vcpu, onStop: (runner) => cluster.stopped(runner) }),
    );
    for (const started of await Promise.allSettled(starting)) {
      if (started.status === "fulfilled") cluster.runners.push(started.value);
    }
    await Promise.all(starting);
  } catch (error) {
    cluster.quit();
    vm.close();
    throw error;
  }
  const { msrs } = hostFacts(kvm, options);
  return createSmpMachine({ image, kind: kvm.kind, vm, cluster, msrs, device: options.device });
}

function requireCount(vcpus: unknown, max: number): void {
  if (typeof vcpus === "number" && Number.isInteger(vcpus) && vcpus >= 1 && vcpus <= max) return;
  throw badArgument(`vcpus is no whole number from 1 to ${max}: ${show(vcpus)}`, vcpus);
}

function createVcpus(
  image: LoadableImage,
  kvm: KvmSystem,
  vm: VmHandle,
  options: SmpBootOptions,
): readonly ReturnType<VmHandle["createVcpu"]>[] {
  const { cpuid: supported } = hostFacts(kvm, options);
  const entries = options.cpuid === undefined ? supported : chosenCpuid(options.cpuid, supported);
  return Array.from({ length: options.vcpus }, (_, id) => {
    const vcpu = vm.createVcpu(id);
    vcpu.setCpuid2(withApicNumber(entries, id));
    if (id === 0) setEntryState(vcpu, image.cpu, kvm.kind);
    return vcpu;
  });
}

/** CPUID.1:EBX[31:24], and EDX of the leaves 0xb and 0x1f: the number of the CPU's local APIC (SDM vol. 2A, CPUID). */
function withApicNumber(entries: readonly CpuidEntry[], id: number): readonly CpuidEntry[] {
  return entries.map((entry) => {
    if (entry.function === 1) return { ...entry, ebx: ((entry.ebx & 0xff_ffff) | (id << 24)) >>> 0 };
    return entry.function === 0xb || entry.function === 0x1f ? { ...entry, edx: id } : entry;
  });
}
