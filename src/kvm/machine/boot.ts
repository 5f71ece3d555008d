/** From an image to a machine. */
import type { CpuidEntry } from "../calls/cpuid.ts";
import { show } from "../../core/show.ts";
import { badArgument, requireOptions } from "../kvm-error.ts";
import { requireObjects } from "../shapes.ts";
import { hostFacts } from "./host-facts.ts";
import { loadMemory, requireImage, setEntryState, type LoadableImage } from "./load-image.ts";
import type { Machine } from "./machine.ts";
import { createMachine } from "./running-machine.ts";
import { openKvm, type KvmOptions, type KvmSystem } from "../calls/system.ts";
import type { VmHandle } from "../calls/vm.ts";

/** How a guest is to be loaded. */
export interface BootOptions extends KvmOptions {
  /** What CPUID says in the guest, made of what KVM offers; all of that unless given. See {@link editCpuid}. */
  readonly cpuid?: (supported: readonly CpuidEntry[]) => readonly CpuidEntry[];
}

/**
 * Makes a machine of an image: memory, its bytes, one vCPU with all that KVM's CPUID offers, and the CPU's state, which is
 * read back. Nothing has run yet. Each region that is memory gets the slot of its place in the image's list; `rom` is
 * read-only for the guest alone, an `alias` shares the memory of its region, `mmio` and `reserved` get nothing.
 *
 * Throws {@link KvmError}: those of {@link Kvm.open} where there is no KVM, `BAD_ARGUMENT` for an image that makes no sense,
 * `STATE_NOT_ACCEPTED` where KVM takes the CPU's state but changes it, `IOCTL_FAILED` and `CALL_FAILED` where the kernel
 * refuses. Nothing is left open then.
 *
 * On Intel CPUs without "unrestricted guest" KVM keeps four pages for itself below 4 GiB, where the image has no region.
 *
 * @example
 * ```ts
 * using machine = await boot(image);
 * for (const exit of machine.run({ timeout: "1s" })) console.log(exit);
 * ```
 */
export async function boot(image: LoadableImage, options: BootOptions = {}): Promise<Machine> {
  requireImage(image);
  requireOptions("boot", ["device", "cpuid"], options);
  using kvm = await openKvm(options);
  const vm = kvm.createVm();
  try {
    return load(image, kvm, vm, options);
  } catch (error) {
    vm.close();
    throw error;
  }
}

/** What the author makes of CPUID. Throws {@link KvmError} `BAD_ARGUMENT` for what is no function, or gives no entries. */
export function chosenCpuid(
  choose: NonNullable<BootOptions["cpuid"]>,
  supported: readonly CpuidEntry[],
): readonly CpuidEntry[] {
  if (typeof choose !== "function") throw badArgument(`cpuid must be a function; got ${show(choose)}`, choose);
  return requireObjects("what cpuid gives", choose(supported));
}

function load(image: LoadableImage, kvm: KvmSystem, vm: VmHandle, options: BootOptions): Machine {
  loadMemory(image, kvm, vm);
  const vcpu = vm.createVcpu(0);
  // CPUID decides which bits control registers may have: it comes first.
  const { cpuid, cpuidStruct, msrs } = hostFacts(kvm, options);
  if (options.cpuid === undefined) vcpu.setCpuidStruct(cpuidStruct);
  else vcpu.setCpuid2(chosenCpuid(options.cpuid, cpuid));
  setEntryState(vcpu, image.cpu, kvm.kind);
  return createMachine({ libc: kvm.libc, image, kind: kvm.kind, vm, vcpu, msrs, device: options.device });
}
