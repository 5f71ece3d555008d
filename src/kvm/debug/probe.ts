/** What of debugging this host's KVM can do, found out by running a guest of a few instructions. */
import { requireOptions } from "../kvm-error.ts";
import type { GuestDebug } from "../calls/vcpu-pages.ts";
import { guestDebugFlags } from "../abi/constants.ts";
import { openKvm, type KvmOptions, type KvmSystem } from "../calls/system.ts";
import type { KvmKind } from "../host/platform.ts";
import { newRunnable, RunLoop } from "../machine/run-loop.ts";
import { debugRegisters, DR6_BS, type DebugPoint } from "./debug-point.ts";
import { PROBE_MEMORY, probeAddresses, probeChunks, probeCpu } from "./probe-guest.ts";

/** What works for code at some privilege levels. */
export interface DebugSupportOfLevel {
  /** A step executes one instruction and ends in a debug exit. */
  readonly singleStep: boolean;
  /** A breakpoint in a debug register ends in a debug exit. */
  readonly breakpoints: boolean;
  /** Watchpoints on writes and on reads end in debug exits. */
  readonly watchpoints: boolean;
}

/** What of debugging a host's KVM can do. */
export interface DebugSupport {
  /** Which KVM it is. */
  readonly kind: KvmKind;
  /** For code at privilege level 0. */
  readonly supervisor: DebugSupportOfLevel;
  /** For code at privilege level 3. */
  readonly user: DebugSupportOfLevel;
}

/** A thing that debugging does. */
export type DebugFeature = keyof DebugSupportOfLevel;

const { KVM_GUESTDBG_ENABLE, KVM_GUESTDBG_SINGLESTEP, KVM_GUESTDBG_USE_HW_BP } = guestDebugFlags;

/** A way to be asked for a debug exit, and the bit of DR6 that it then has. */
interface Trial {
  readonly debug: GuestDebug;
  readonly dr6: bigint;
}

/** What each feature is tried by: it is there where all of its trials end as they should. */
const trials: Readonly<Record<DebugFeature, readonly Trial[]>> = {
  singleStep: [{ debug: { control: KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP }, dr6: DR6_BS }],
  breakpoints: [
    pointTrial({ kind: "breakpoint", id: 0, address: probeAddresses.secondInstruction, symbol: undefined }),
  ],
  watchpoints: (["write", "read-write"] as const).map((on) =>
    pointTrial({ kind: "watchpoint", id: 0, address: probeAddresses.data, size: 1, on }),
  ),
};

function pointTrial(point: DebugPoint): Trial {
  const control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
  return { debug: { control, debugreg: debugRegisters([point]) }, dr6: 1n };
}

/** How long a trial may take, in milliseconds: it is four instructions. */
const TRIAL_LIMIT = 1000;

const known = new Map<string | undefined, Promise<DebugSupport>>();

/**
 * Finds out what of debugging this host's KVM can do: eight guests of four instructions each, about 10 ms; once in each thread.
 * Throws what {@link Kvm.open} throws.
 *
 * @example
 * ```ts
 * const { supervisor } = await probeDebugging();
 * console.log(supervisor.watchpoints ? "watchpoints work" : "no watchpoints here");
 * ```
 */
export async function probeDebugging(options: KvmOptions = {}): Promise<DebugSupport> {
  requireOptions("probeDebugging", ["device"], options);
  let result = known.get(options.device);
  if (result === undefined) {
    result = probe(options);
    known.set(options.device, result);
    // A device that could not be opened may be there the next time.
    result.catch(() => known.delete(options.device));
  }
  return await result;
}

async function probe(options: KvmOptions): Promise<DebugSupport> {
  using kvm = await openKvm(options);
  return { kind: kvm.kind, supervisor: probeLevel(kvm, 0), user: probeLevel(kvm, 3) };
}

function probeLevel(kvm: KvmSystem, level: 0 | 3): DebugSupportOfLevel {
  const works = (feature: DebugFeature): boolean => trials[feature].every((trial) => succeeds(kvm, level, trial));
  return { singleStep: works("singleStep"), breakpoints: works("breakpoints"), watchpoints: works("watchpoints") };
}

function succeeds(kvm: KvmSystem, level: 0 | 3, { debug, dr6 }: Trial): boolean {
  using vm = kvm.createVm();
  vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memorySize: PROBE_MEMORY });
  for (const { at, bytes } of probeChunks()) vm.writeMemory(at, bytes);
  const vcpu = vm.createVcpu(0);
  vcpu.setCpuid2(kvm.getSupportedCpuid());
  const cpu = probeCpu(level);
  vcpu.setSregs({ ...vcpu.getSregs(), ...cpu });
  vcpu.setRegs(cpu.regs);
  vcpu.setGuestDebug(debug);
  const loop = new RunLoop(newRunnable({ libc: kvm.libc, vm, vcpu }), TRIAL_LIMIT, "sync");
  try {
    const exit = loop.step();
    return exit?.kind === "debug" && (exit.dr6 & dr6) !== 0n;
  } finally {
    loop.disarm();
  }
}
