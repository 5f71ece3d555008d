/** What the process holds: counted before and after, it shows what was left behind. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface Resources {
  /** Descriptors of KVM and of its VMs and vCPUs. */
  readonly descriptors: number;
  /** Mappings of a vCPU's shared pages. */
  readonly vcpuMappings: number;
  /** All that is mapped, in whole units of {@link HUGE_SIZE}: what else a process maps does not matter then. */
  readonly memory: number;
  readonly timers: number;
  /** The signals blocked on the main thread, in hexadecimal. */
  readonly blocked: string;
}

/** The size of a guest's memory that shows in the size of the whole process, in bytes. */
export const HUGE_SIZE = 0x8000_0000n;

/** What the process has mapped, in bytes. */
export function addressSpace(): number {
  return 1024 * Number(/^VmSize:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))![1]);
}

const sizeAtStart = addressSpace();

/** What the process holds now, as far as machines have to do with it. */
export function resources(): Resources {
  const links = readdirSync("/proc/self/fd").map((fd) => linkOf(`/proc/self/fd/${fd}`));
  const maps = readFileSync("/proc/self/maps", "utf8").split("\n");
  return {
    descriptors: links.filter((link) => link.includes("kvm")).length,
    vcpuMappings: maps.filter((line) => line.includes("kvm-vcpu")).length,
    // Plus 0: a little less than before rounds to -0, which is another number to an assertion.
    memory: Math.round((addressSpace() - sizeAtStart) / Number(HUGE_SIZE)) + 0,
    timers: readFileSync("/proc/self/timers", "utf8").split(/^ID:/m).length - 1,
    blocked: /^SigBlk:\s*(\w+)/m.exec(readFileSync("/proc/thread-self/status", "utf8"))![1]!,
  };
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
