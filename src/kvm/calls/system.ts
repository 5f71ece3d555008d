/** `/dev/kvm` itself: what this host's KVM can do, and the way to a VM. */
import { KVM_API_VERSION } from "../abi/constants.ts";
import { ioctlNumber } from "../abi/ioctls.ts";
import { kvmMsrList } from "../abi/state-structs.ts";
import { linuxConstants } from "../abi/linux.ts";
import { capabilityNumber, type CapabilityName } from "./capabilities.ts";
import { decodeCpuid, newCpuid, type CpuidEntry } from "./cpuid.ts";
import { getAttribute, hasAttribute, type DeviceAttribute } from "./device-attributes.ts";
import { msrIndexOf, type MsrName } from "../abi/msr-names.ts";
import { encodeQuestions, msrValue } from "./msrs.ts";
import { Descriptor } from "../host/descriptor.ts";
import { errnoName, ioctlFailed, msrRefused, notKvm, openFailed, wrongApiVersion } from "../host/host-error.ts";
import { newStruct, readNumber, writeField } from "../abi/fields.ts";
import { badArgument, requireOptions } from "../kvm-error.ts";
import { loadLibc, type Libc } from "../host/libc.ts";
import { kvmKind, type KvmKind } from "../host/platform.ts";
import { createVm, type Vm, type VmHandle } from "./vm.ts";

/** Where KVM is to be found. */
export interface KvmOptions {
  /** The path of KVM's device; `/dev/kvm` unless given. */
  readonly device?: string;
}

/**
 * KVM, by its device's file descriptor: one method an ioctl, named as the kernel names it. Every method throws
 * {@link KvmError} `IOCTL_FAILED` where the kernel refuses, and `CLOSED` after `close()`.
 *
 * @example
 * ```ts
 * using kvm = await Kvm.open();
 * console.log(kvm.kind, kvm.checkExtension("KVM_CAP_NR_VCPUS"));
 * ```
 */
export interface Kvm {
  /** Which KVM this is. A result from one kind says little about another. */
  readonly kind: KvmKind;
  /** `KVM_GET_API_VERSION`: 12. */
  getApiVersion(): number;
  /**
   * `KVM_CHECK_EXTENSION`: 0 where this host has no such capability, else 1 or a number with a meaning of its own. A VM may
   * answer otherwise: see {@link Vm.checkExtension}.
   */
  checkExtension(capability: CapabilityName | number): number;
  /** How many vCPUs a VM should have at most: `KVM_CAP_NR_VCPUS`; 4 where KVM does not say (Documentation/virt/kvm/api.rst, 4.7). */
  getNrVcpus(): number;
  /** How many vCPUs a VM can have: `KVM_CAP_MAX_VCPUS`; that of {@link getNrVcpus} where KVM does not say. */
  getMaxVcpus(): number;
  /** `KVM_GET_VCPU_MMAP_SIZE`: the size of what KVM shares for one vCPU, in bytes. */
  getVcpuMmapSize(): number;
  /** `KVM_GET_SUPPORTED_CPUID`: what a vCPU's CPUID may say on this host. */
  getSupportedCpuid(): readonly CpuidEntry[];
  /** `KVM_GET_EMULATED_CPUID`: features that KVM can emulate beyond those of {@link getSupportedCpuid}, slowly (`KVM_CAP_EXT_EMUL_CPUID`). */
  getEmulatedCpuid(): readonly CpuidEntry[];
  /** `KVM_GET_MSR_INDEX_LIST`: the model-specific registers that a vCPU has, but for those that its CPUID takes away. */
  getMsrIndexList(): readonly number[];
  /** `KVM_GET_MSR_FEATURE_INDEX_LIST`: those that say what a vCPU may offer. */
  getMsrFeatureIndexList(): readonly number[];
  /**
   * `KVM_GET_MSRS` on the device: values of registers of {@link getMsrFeatureIndexList}. Throws {@link KvmError} `PARTLY_DONE` at
   * the first that is none (`KVM_CAP_GET_MSR_FEATURES`).
   */
  getMsrFeatures(registers: readonly (MsrName | number)[]): readonly bigint[];
  /** `KVM_X86_GET_MCE_CAP_SUPPORTED`: the bits that `Vcpu.setupMce` takes (`KVM_CAP_MCE` says how many banks). */
  getMceCapSupported(): bigint;
  /** `KVM_HAS_DEVICE_ATTR` on the device (`KVM_CAP_SYS_ATTRIBUTES`). */
  hasDeviceAttr(attribute: DeviceAttribute): boolean;
  /** `KVM_GET_DEVICE_ATTR` on the device: group 0, attribute 0 is what XSAVE may hold of (`KVM_X86_XCOMP_GUEST_SUPP`). */
  getDeviceAttr(attribute: DeviceAttribute): bigint;
  /** `KVM_CREATE_VM`: a VM without memory and without vCPUs. It outlives this object; close it yourself. */
  createVm(): Vm;
  /** Closes the descriptor. VMs go on. Nothing happens the second time. */
  close(): void;
  [Symbol.dispose](): void;
}

/** The way to KVM. */
export const Kvm: KvmOpener = {
  open: async (options = {}) => {
    requireOptions("Kvm.open", ["device"], options);
    return await openKvm(options);
  },
};

/** What {@link Kvm} itself can do. */
export interface KvmOpener {
  /**
   * Opens KVM and makes sure that it is one: Linux on x86-64, a device that may be opened, API version 12.
   *
   * Throws {@link KvmError} `UNSUPPORTED_PLATFORM`, `NO_NATIVE_LIBRARY`, `NO_DEVICE`, `NO_PERMISSION`, `NOT_KVM` or
   * `WRONG_API_VERSION`, each with what to do about it.
   */
  open(options?: KvmOptions): Promise<Kvm>;
}

/** {@link Kvm.open}, for the module itself. */
export async function openKvm({ device = "/dev/kvm" }: KvmOptions = {}): Promise<KvmSystem> {
  if (typeof device !== "string" || device.includes("\0")) {
    throw badArgument("the device is no path", device);
  }
  const libc = await loadLibc();
  const fd = libc.open(device, linuxConstants.O_RDWR | linuxConstants.O_CLOEXEC);
  if (fd < 0) throw openFailed(device, libc.errno());
  const version = libc.ioctl(fd, ioctlNumber("KVM_GET_API_VERSION"), 0);
  if (version !== KVM_API_VERSION) {
    const error = version < 0 ? notKvm(device, libc.errno()) : wrongApiVersion(version);
    libc.close(fd);
    throw error;
  }
  return new KvmSystem(new Descriptor(libc, fd, "KVM's device"));
}

/** KVM asks for room for all entries or says `E2BIG`; no host has had this many. */
const MAX_CPUID_ENTRIES = 4096;

/** As many registers as no list has had. */
const MAX_MSRS = 1024;

/** KVM, with what `boot` asks of it. */
export class KvmSystem implements Kvm {
  readonly #device: Descriptor;
  readonly kind: KvmKind = kvmKind();

  constructor(device: Descriptor) {
    this.#device = device;
  }

  get libc(): Libc {
    return this.#device.libc;
  }

  getApiVersion(): number {
    return this.#device.ioctl("KVM_GET_API_VERSION");
  }

  checkExtension(capability: CapabilityName | number): number {
    return this.#device.ioctl("KVM_CHECK_EXTENSION", capabilityNumber(capability));
  }

  getNrVcpus(): number {
    return this.checkExtension("KVM_CAP_NR_VCPUS") || 4;
  }

  getMaxVcpus(): number {
    return this.checkExtension("KVM_CAP_MAX_VCPUS") || this.getNrVcpus();
  }

  getVcpuMmapSize(): number {
    return this.#device.ioctl("KVM_GET_VCPU_MMAP_SIZE");
  }

  getSupportedCpuid(): readonly CpuidEntry[] {
    return this.#cpuid("KVM_GET_SUPPORTED_CPUID");
  }

  getEmulatedCpuid(): readonly CpuidEntry[] {
    return this.#cpuid("KVM_GET_EMULATED_CPUID");
  }

  getMsrIndexList(): readonly number[] {
    return this.#msrList("KVM_GET_MSR_INDEX_LIST");
  }

  getMsrFeatureIndexList(): readonly number[] {
    return this.#msrList("KVM_GET_MSR_FEATURE_INDEX_LIST");
  }

  getMsrFeatures(registers: readonly (MsrName | number)[]): readonly bigint[] {
    const { bytes, view } = encodeQuestions(registers);
    const done = this.#device.ioctlBytes("KVM_GET_MSRS", bytes, registers);
    if (done < registers.length) throw msrRefused("KVM_GET_MSRS", msrIndexOf(registers[done]!), done);
    return registers.map((_, number) => msrValue(view, number));
  }

  getMceCapSupported(): bigint {
    const { bytes, view } = newStruct(8);
    this.#device.ioctlBytes("KVM_X86_GET_MCE_CAP_SUPPORTED", bytes);
    return view.getBigUint64(0, true);
  }

  hasDeviceAttr(attribute: DeviceAttribute): boolean {
    return hasAttribute(this.#device, attribute);
  }

  getDeviceAttr(attribute: DeviceAttribute): bigint {
    return getAttribute(this.#device, attribute);
  }

  createVm(): VmHandle {
    const runSize = this.getVcpuMmapSize();
    const descriptor = new Descriptor(this.#device.libc, this.#device.ioctl("KVM_CREATE_VM"), "the VM");
    return createVm(descriptor, runSize, this.kind);
  }

  close(): void {
    this.#device.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #cpuid(name: "KVM_GET_SUPPORTED_CPUID" | "KVM_GET_EMULATED_CPUID"): readonly CpuidEntry[] {
    const { libc, fd } = this.#device;
    for (let capacity = 128; ; capacity *= 2) {
      const cpuid = newCpuid(capacity);
      if (libc.ioctlBytes(fd, ioctlNumber(name), cpuid) >= 0) return decodeCpuid(cpuid);
      const errno = libc.errno();
      if (errnoName(errno) !== "E2BIG" || capacity >= MAX_CPUID_ENTRIES) throw ioctlFailed(name, errno);
    }
  }

  #msrList(name: "KVM_GET_MSR_INDEX_LIST" | "KVM_GET_MSR_FEATURE_INDEX_LIST"): readonly number[] {
    const { bytes, view } = newStruct(kvmMsrList.size + 4 * MAX_MSRS);
    writeField(view, kvmMsrList.fields.nmsrs, MAX_MSRS, "nmsrs");
    this.#device.ioctlBytes(name, bytes);
    const count = readNumber(view, kvmMsrList.fields.nmsrs);
    return Array.from({ length: count }, (_, index) => view.getUint32(kvmMsrList.size + 4 * index, true));
  }
}
