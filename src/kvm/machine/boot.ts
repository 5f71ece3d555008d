/** From an image to a machine. */
import type { PhysAddr } from "../../core/address.ts";
import { show } from "../../core/show.ts";
import type { MemoryRegion } from "../../layout/image.ts";
import { requireAccepted } from "./accepted-state.ts";
import type { CpuidEntry } from "../calls/cpuid.ts";
import { PAGE_SIZE } from "../calls/guest-memory.ts";
import { badArgument } from "../kvm-error.ts";
import { slotsOf } from "./memory-slots.ts";
import { createMachine, type LoadableImage, type Machine } from "./machine.ts";
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
  using kvm = await openKvm(options);
  const vm = kvm.createVm();
  try {
    return load(image, kvm, vm, options);
  } catch (error) {
    vm.close();
    throw error;
  }
}

/** What JavaScript without types may pass instead: a layout that is not built, the promise of an image, nothing at all. */
function requireImage(image: unknown): void {
  const given = (image ?? {}) as Partial<Record<keyof LoadableImage, unknown>>;
  if (Array.isArray(given.memory) && Array.isArray(given.chunks) && typeof given.cpu === "object") return;
  throw badArgument(`boot takes an image, got ${show(image)}`, image, "make one with: await layout({ ... }).build()");
}

function load(image: LoadableImage, kvm: KvmSystem, vm: VmHandle, { cpuid, device }: BootOptions): Machine {
  reserveForIntel(image, kvm, vm);
  for (const slot of slotsOf(image.memory)) vm.setUserMemoryRegion(slot);
  for (const { at, bytes } of image.chunks) vm.writeMemory(at, bytes);
  const vcpu = vm.createVcpu(0);
  // CPUID decides which bits control registers may have: it comes first.
  const supported = kvm.getSupportedCpuid();
  vcpu.setCpuid2(cpuid === undefined ? supported : cpuid(supported));
  const { apicBase, interruptBitmap } = vcpu.getSregs();
  vcpu.setSregs({ ...image.cpu, apicBase, interruptBitmap });
  requireAccepted(image.cpu, vcpu.getSregs(), kvm.kind);
  vcpu.setRegs(image.cpu.regs);
  const msrs = kvm.getMsrIndexList();
  return createMachine({ libc: kvm.libc, image, kind: kvm.kind, vm, vcpu, msrs, device });
}

/** Four pages, as most VMMs place them: right below the firmware at the top of the first 4 GiB. */
const INTEL_PAGES = 4n * PAGE_SIZE;
const INTEL_PAGES_AT = 0xfffb_c000n;

/** One page of an identity map, three for a TSS: KVM on VT-x needs them to run real mode on CPUs that cannot. */
function reserveForIntel(image: LoadableImage, kvm: KvmSystem, vm: VmHandle): void {
  const at = freePages(image.memory);
  if (at === undefined) return;
  if (kvm.checkExtension("KVM_CAP_SET_IDENTITY_MAP_ADDR") !== 0) vm.setIdentityMapAddr(at);
  if (kvm.checkExtension("KVM_CAP_SET_TSS_ADDR") !== 0) vm.setTssAddr(at + PAGE_SIZE);
}

/** The highest place from the usual one down where the image has no region; `undefined` where it has one everywhere. */
function freePages(memory: readonly MemoryRegion[]): PhysAddr | undefined {
  let at = INTEL_PAGES_AT;
  for (const region of memory.toSorted((a, b) => (a.at > b.at ? -1 : 1))) {
    if (region.at < at + INTEL_PAGES && at < region.at + region.size) at = region.at - INTEL_PAGES;
  }
  return at < 0n ? undefined : at;
}
