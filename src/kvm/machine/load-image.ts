/** An image into a VM: its memory, and the state that its first instruction finds. */
import type { PhysAddr } from "../../core/address.ts";
import { show } from "../../core/show.ts";
import type { CpuState } from "../../layout/cpu-state.ts";
import type { Image, MemoryRegion } from "../../layout/image.ts";
import { PAGE_SIZE } from "../calls/guest-memory.ts";
import type { KvmSystem } from "../calls/system.ts";
import type { VcpuHandle } from "../calls/vcpu.ts";
import type { VmHandle } from "../calls/vm.ts";
import type { KvmKind } from "../host/platform.ts";
import { badArgument } from "../kvm-error.ts";
import { requireObjects } from "../shapes.ts";
import { requireAccepted } from "./accepted-state.ts";
import { slotsOf } from "./memory-slots.ts";

/**
 * What of an image KVM needs: a guest that was not made by `layout` has it as well. With its programs, the machine can say
 * where in them the guest is.
 */
export type LoadableImage = Pick<Image, "memory" | "chunks" | "cpu"> & Partial<Pick<Image, "programs">>;

/** What JavaScript without types may pass instead: a layout that is not built, the promise of an image, nothing at all. */
export function requireImage(image: unknown): void {
  const given = (image ?? {}) as Partial<LoadableImage>;
  if (Array.isArray(given.memory) && Array.isArray(given.chunks) && typeof given.cpu === "object") {
    requireObjects("the image's chunks", given.chunks);
    requireObjects("the image's programs", given.programs ?? []);
    return;
  }
  throw badArgument(`boot takes an image, got ${show(image)}`, image, "make one with: await layout({ ... }).build()");
}

/** The image's memory and what lies in it. */
export function loadMemory(image: LoadableImage, kvm: KvmSystem, vm: VmHandle): void {
  const slots = slotsOf(image.memory);
  reserveForIntel(image, kvm, vm);
  for (const slot of slots) vm.setUserMemoryRegion(slot);
  for (const { at, bytes } of image.chunks) vm.writeMemory(at, bytes);
}

/** The CPU's state at the guest's first instruction; throws {@link KvmError} `STATE_NOT_ACCEPTED` where KVM changes it. */
export function setEntryState(vcpu: VcpuHandle, cpu: CpuState, kind: KvmKind): void {
  const changed = vcpu.setEntryRegisters(cpu);
  if (changed !== undefined) requireAccepted(cpu, changed, kind);
  vcpu.setRegs(cpu.regs);
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
