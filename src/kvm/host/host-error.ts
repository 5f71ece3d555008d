/** What to say of a system call that failed: the texts of all such errors, and what a person can do about them. */
import { constants } from "node:os";
import { hex } from "../../core/hex.ts";
import { KVM_API_VERSION } from "../abi/constants.ts";
import { msrNameOf } from "../abi/msr-names.ts";
import type { IoctlName } from "../abi/ioctls.ts";
import { KvmError, type KvmErrorCode } from "../kvm-error.ts";

const nested =
  "in a virtual machine, its host must allow nested virtualisation; in a container, pass the device with --device /dev/kvm";

const modules =
  "load KVM with `sudo modprobe kvm_intel` or `sudo modprobe kvm_amd`, with virtualisation switched on in the firmware";

/** What `open` on KVM's device may fail with, and what that means. */
const openErrors: Readonly<Record<string, { code: KvmErrorCode; what: string; hint: string }>> = {
  ENOENT: { code: "NO_DEVICE", what: "there is no such file", hint: `${modules}; ${nested}` },
  ENXIO: { code: "NO_DEVICE", what: "no driver stands behind it", hint: `${modules}; ${nested}` },
  ENODEV: { code: "NO_DEVICE", what: "no driver stands behind it", hint: `${modules}; ${nested}` },
  EACCES: {
    code: "NO_PERMISSION",
    what: "this user may not open it",
    hint: "join the kvm group with `sudo usermod -aG kvm $USER`, then log in again",
  },
  EPERM: {
    code: "NO_PERMISSION",
    what: "this process may not open it",
    hint: `a sandbox or a container's device policy forbids it: ${nested}`,
  },
};

/** What to do about an ioctl that failed, by `NAME ERRNO`. */
const ioctlHints: Readonly<Record<string, string>> = {
  "KVM_CREATE_VM EBUSY":
    "another hypervisor holds the CPU's virtualisation; stop it (VirtualBox, VMware) and try again",
  "KVM_CREATE_VCPU EEXIST": "a vCPU with this number exists; a number is used once",
  "KVM_CREATE_VCPU EINVAL": "the number is beyond what KVM_CAP_MAX_VCPU_ID allows",
  "KVM_SET_USER_MEMORY_REGION EEXIST":
    "it overlaps another slot, or the pages given to KVM_SET_TSS_ADDR and KVM_SET_IDENTITY_MAP_ADDR",
  "KVM_SET_USER_MEMORY_REGION EINVAL": "the slot's number, its flags or its address are beyond what this KVM has",
  "KVM_SET_SREGS EINVAL":
    "a control register or EFER has a bit that this vCPU's CPUID does not offer, or bits that exclude each other; long mode wants EFER.LME and LMA, CR4.PAE and CR0.PG and PE together",
  "KVM_SET_CPUID2 EINVAL": "CPUID is given once, before the vCPU first runs",
  "KVM_RUN EINVAL": "the registers that were left for it are none that a CPU can have",
  "KVM_GET_DIRTY_LOG ENXIO": "a VM with dirty rings has no log",
  "KVM_GET_DIRTY_LOG ENOENT": "the slot has no log: give it KVM_MEM_LOG_DIRTY_PAGES",
  "KVM_KVMCLOCK_CTRL EINVAL": "the guest has no kvmclock",
  "KVM_IRQFD EINVAL": "it needs an irqchip, and a line that it has",
  "KVM_SET_GSI_ROUTING EINVAL": "it needs an irqchip, and pins that its controllers have",
  "KVM_RUN EFAULT": "KVM could not reach the memory behind a guest address",
  "KVM_RUN EAGAIN": "the vCPU waits for another one to start it with INIT and SIPI",
  "KVM_SET_GUEST_DEBUG EBUSY": "an exception waits to be given to the guest; run it first",
};

/** `"ENOENT"` for 2; the number itself where Node knows no name for it. */
export function errnoName(errno: number): string {
  return Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
}

/** The error for KVM's device that could not be opened. */
export function openFailed(device: string, errno: number): KvmError {
  const name = errnoName(errno);
  const known = openErrors[name];
  return new KvmError(`cannot open ${device}: ${known === undefined ? "open failed" : known.what} (${name})`, {
    code: known?.code ?? "CALL_FAILED",
    errno: name,
    value: device,
    ...(known === undefined ? {} : { hint: known.hint }),
  });
}

/** The error for a device that can be opened but is not KVM's. */
export function notKvm(device: string, errno: number): KvmError {
  const name = errnoName(errno);
  return new KvmError(`${device} is not KVM's device: KVM_GET_API_VERSION failed (${name})`, {
    code: "NOT_KVM",
    errno: name,
    value: device,
    hint: "leave the device out to open /dev/kvm",
  });
}

/** The error for a KVM of another API version. */
export function wrongApiVersion(version: number): KvmError {
  return new KvmError(`KVM speaks API version ${version}, not ${KVM_API_VERSION}`, {
    code: "WRONG_API_VERSION",
    value: version,
    hint: "every KVM since Linux 2.6.22 speaks version 12; use another kernel",
  });
}

/** The error for an ioctl that failed. */
export function ioctlFailed(name: IoctlName, errno: number, value?: unknown): KvmError {
  const code = errnoName(errno);
  const hint = ioctlHints[`${name} ${code}`];
  return new KvmError(`${name} failed: ${code}`, {
    code: "IOCTL_FAILED",
    errno: code,
    value,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The error for another system call that failed. */
export function callFailed(call: string, errno: number, hint?: string): KvmError {
  const code = errnoName(errno);
  return new KvmError(`${call} failed: ${code}`, {
    code: "CALL_FAILED",
    errno: code,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The error for model-specific registers of which KVM took only the first few. */
export function msrRefused(name: "KVM_GET_MSRS" | "KVM_SET_MSRS", index: number, done: number): KvmError {
  const register = msrNameOf(index);
  const text = register === undefined ? hex(index) : `${hex(index)} (${register})`;
  return new KvmError(`${name} stopped at MSR ${text}, after ${done}`, {
    code: "PARTLY_DONE",
    value: index,
    hint: "this KVM does not offer that MSR to this vCPU, or refuses the value",
  });
}
