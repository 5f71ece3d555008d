/**
 * What the thread of a vCPU does: it enters the guest when it is told to, and says when the guest left. All that there is to
 * decide is decided on the thread that made the machine.
 *
 * The thread is made of this function's text, since no path leads to a module of this package from every application: not
 * from a bundle, and not where sources are compiled as they are loaded. So the function uses nothing but its arguments and
 * what JavaScript has, and has no function inside: compilers that keep names would call a helper for it.
 */

/** Where the thread and its maker talk: the words of a shared `Int32Array`. */
export const controlWords = {
  /** One of {@link commands}. The maker writes it, and the thread when the guest has left. */
  command: 0,
  /** `KVM_RUN`'s errno where the guest left by none of its exits and nobody asked; -1 where it exited, 0 where it was paused. */
  outcome: 1,
  /** 1 while the vCPU is halted, or was never started. */
  idle: 2,
  /** The number of the thread's timer, plus 1; 0 where there is none. */
  timer: 3,
  /** One of {@link phases}. */
  phase: 4,
} as const;

/** How far the thread is on its way to its first command; `forbidden` where it may not load native code any more. */
export const phases = { fresh: 0, loading: 1, loaded: 2, forbidden: 3 } as const;

/** What the thread is to do. */
export const commands = { wait: 0, run: 1, pause: 2, quit: 3 } as const;

/** What the thread is given: numbers and structs of the kernel, and the words of control. */
export interface ThreadPlan {
  readonly control: SharedArrayBuffer;
  readonly words: typeof controlWords;
  readonly commands: typeof commands;
  readonly phases: typeof phases;
  /** The vCPU's file descriptor. */
  readonly fd: number;
  readonly requests: { readonly run: number; readonly getMpState: number };
  readonly syscalls: Readonly<
    Record<"gettid" | "sigprocmask" | "sigtimedwait" | "timerCreate" | "timerSettime" | "timerDelete", number>
  >;
  readonly errnos: { readonly interrupted: number; readonly again: number };
  readonly constants: { readonly monotonic: number; readonly block: number; readonly runnable: number };
  /** The signal of the thread's timer: the kernel's set with it alone. */
  readonly signalSet: Uint8Array;
  /** A `struct sigevent`, where the thread's number is to be filled in, and where. */
  readonly event: Uint8Array;
  readonly threadIdAt: number;
  /** How much memory the library may take for the thread, which it never gives back. */
  readonly native: Readonly<Record<string, number>>;
  /** A `struct itimerspec` that ticks, and one that does not. */
  readonly ticking: Uint8Array;
  readonly silent: Uint8Array;
}

/** A function of the C library. */
type NativeFunction = (...parameters: readonly unknown[]) => number;

/** What the thread needs of the library that calls native code. */
export interface NativeLibrary {
  /** To be called before anything is loaded. */
  config(sizes: Readonly<Record<string, number>>): void;
  load(name: null): { func(name: string, result: string, parameters: readonly string[]): NativeFunction };
  errno(): number;
}

/** The body of the thread: returns when it is told to quit. @param tell wakes its maker */
export function vcpuThread(native: NativeLibrary, plan: ThreadPlan, tell: () => void): void {
  const { words, commands, phases, fd, requests, syscalls, errnos, constants, signalSet } = plan;
  const control = new Int32Array(plan.control);
  native.config(plan.native);
  const process_ = native.load(null);
  const ioctl = process_.func("ioctl", "int", ["int", "unsigned long", "unsigned long"]);
  const ioctlBytes = process_.func("ioctl", "int", ["int", "unsigned long", "void *"]);
  const call = process_.func("syscall", "long", ["long", "long", "void *", "void *", "long"]);
  const callOnPointers = process_.func("syscall", "long", ["long", "void *", "void *", "void *", "long"]);
  const mpState = new Int32Array(1);
  const mpStateBytes = new Uint8Array(mpState.buffer);
  const noTime = new Uint8Array(16);

  call(syscalls.sigprocmask, constants.block, signalSet, null, signalSet.length);
  new DataView(plan.event.buffer, plan.event.byteOffset).setInt32(
    plan.threadIdAt,
    call(syscalls.gettid, 0, null, null, 0),
    true,
  );
  const timerId = new Int32Array(1);
  const failed = call(syscalls.timerCreate, constants.monotonic, plan.event, new Uint8Array(timerId.buffer), 0) < 0;
  if (failed) throw new Error(`timer_create failed: errno ${native.errno()}`);
  const timer = timerId[0]!;
  Atomics.store(control, words.timer, timer + 1);
  Atomics.store(control, words.phase, phases.loaded);
  Atomics.notify(control, words.phase);
  tell();

  for (;;) {
    // A notice may come late, when its command was carried out already.
    while (Atomics.load(control, words.command) === commands.wait) {
      Atomics.wait(control, words.command, commands.wait);
    }
    if (Atomics.load(control, words.command) === commands.quit) break;
    call(syscalls.timerSettime, timer, null, plan.ticking, 0);
    let outcome = 0;
    // A tick ends KVM_RUN every other millisecond: then commands are seen, and so is the end of the process.
    while (Atomics.load(control, words.command) === commands.run) {
      if (ioctl(fd, requests.run, 0) >= 0) {
        outcome = -1;
        break;
      }
      const errno = native.errno();
      if (errno !== errnos.interrupted && errno !== errnos.again) {
        outcome = errno;
        break;
      }
      callOnPointers(syscalls.sigtimedwait, signalSet, null, noTime, signalSet.length);
      ioctlBytes(fd, requests.getMpState, mpStateBytes);
      Atomics.store(control, words.idle, mpState[0] === constants.runnable ? 0 : 1);
    }
    call(syscalls.timerSettime, timer, null, plan.silent, 0);
    // A tick that is still pending would end the next KVM_RUN, which costs no more than that.
    if (outcome !== 0) Atomics.store(control, words.idle, 0);
    Atomics.store(control, words.outcome, outcome);
    // A command to quit stays.
    Atomics.compareExchange(control, words.command, commands.run, commands.wait);
    Atomics.compareExchange(control, words.command, commands.pause, commands.wait);
    tell();
  }
  call(syscalls.timerDelete, timer, null, null, 0);
  Atomics.store(control, words.timer, 0);
  Atomics.notify(control, words.timer);
}
