/** What the thread of a vCPU is given: numbers and structs from the tables. */
import { constants as osConstants } from "node:os";
import { newStruct } from "../abi/fields.ts";
import { ioctlNumber } from "../abi/ioctls.ts";
import { itimerspec, linuxConstants, sigevent, syscalls } from "../abi/linux.ts";
import { mpStates } from "../calls/vcpu-structs.ts";
import type { HeldSignal } from "../machine/stop-signal.ts";
import { KvmError } from "../kvm-error.ts";
import { commands, controlWords, phases, type ThreadPlan } from "./vcpu-thread.ts";

/** How often a thread comes back from the guest, in nanoseconds. */
const TICK = 2_000_000n;

/**
 * What koffi may take for a thread, in bytes: its stack and its heap for calls, a mapping that stays when the thread ends. The
 * thread calls nothing but system calls, and passes numbers and pointers; koffi itself would take 3 MiB.
 */
const nativeSizes = { sync_stack_size: 0x1_0000, sync_heap_size: 0x1_0000 };

/** A plan for the thread of a vCPU. @param signal which the thread's timer may use */
export function threadPlan(fd: number, signal: HeldSignal): ThreadPlan {
  const event = newStruct(sigevent.size);
  event.view.setInt32(sigevent.fields.sigev_signo[0], signal.number, true);
  event.view.setInt32(sigevent.fields.sigev_notify[0], linuxConstants.SIGEV_THREAD_ID, true);
  const ticking = newStruct(itimerspec.size);
  for (const field of ["it_value.tv_nsec", "it_interval.tv_nsec"] as const) {
    ticking.view.setBigInt64(itimerspec.fields[field][0], TICK, true);
  }
  return {
    control: new SharedArrayBuffer(4 * Object.keys(controlWords).length),
    words: controlWords,
    commands,
    phases,
    fd,
    requests: { run: ioctlNumber("KVM_RUN"), getMpState: ioctlNumber("KVM_GET_MP_STATE") },
    syscalls: {
      gettid: syscalls.SYS_gettid,
      sigprocmask: syscalls.SYS_rt_sigprocmask,
      sigtimedwait: syscalls.SYS_rt_sigtimedwait,
      timerCreate: syscalls.SYS_timer_create,
      timerSettime: syscalls.SYS_timer_settime,
      timerDelete: syscalls.SYS_timer_delete,
    },
    errnos: { interrupted: osConstants.errno.EINTR, again: osConstants.errno.EAGAIN },
    constants: {
      monotonic: linuxConstants.CLOCK_MONOTONIC,
      block: linuxConstants.SIG_BLOCK,
      runnable: mpStates.KVM_MP_STATE_RUNNABLE,
    },
    signalSet: signal.blocked,
    event: event.bytes,
    threadIdAt: sigevent.fields["_sigev_un._tid"][0],
    native: nativeSizes,
    ticking: ticking.bytes,
    silent: new Uint8Array(itimerspec.size),
  };
}

/**
 * The native addon that calls the C library, which this process has loaded already: a thread loads it again by its path, which
 * is known however this package was bundled. Throws {@link KvmError} `NO_NATIVE_LIBRARY`.
 *
 * @param maps what the process has mapped, as `/proc/self/maps` has it
 */
export function addonIn(maps: string): string {
  const path = /\/.*\/koffi\.node$/m.exec(maps)?.[0];
  if (path !== undefined) return path;
  throw new KvmError("koffi's addon is not among the files that this process has mapped", {
    code: "NO_NATIVE_LIBRARY",
    hint: "vCPUs on threads of their own need it as a file named koffi.node",
  });
}
