/** The signals of this thread as the kernel has them: sets, what is blocked, what is handled. */
import { kernelSigaction, linuxConstants, SIGNAL_SET_SIZE } from "../abi/linux.ts";
import { callFailed } from "../host/host-error.ts";
import type { HostAddress, Libc } from "../host/libc.ts";

/** A set of signals, as the kernel has it: signal 1 is bit 0. */
export type SignalSet = Uint8Array;

/** Handlers that are none (asm-generic/signal-defs.h). */
export const SIG_DFL: HostAddress = 0n;
const SIG_IGN: HostAddress = 1n;

/** A set of these signals. */
export function setOf(...signals: readonly number[]): SignalSet {
  return withSignals(new Uint8Array(SIGNAL_SET_SIZE), ...signals);
}

/** A set with these signals, too. */
export function withSignals(set: SignalSet, ...signals: readonly number[]): SignalSet {
  const sum = set.slice();
  for (const signal of signals) sum[(signal - 1) >> 3]! |= 1 << ((signal - 1) & 7);
  return sum;
}

/** A set without those of another. */
export function without(set: SignalSet, other: SignalSet): SignalSet {
  return set.map((byte, index) => byte & ~other[index]!);
}

/** Whether a signal is in a set. */
export function has(set: SignalSet, signal: number): boolean {
  return (set[(signal - 1) >> 3]! & (1 << ((signal - 1) & 7))) !== 0;
}

/**
 * Blocks signals on this thread; none for `null`.
 *
 * @param before what was blocked before, to be filled in
 */
export function block(libc: Libc, set: SignalSet | null, before: SignalSet): void {
  if (libc.syscall("SYS_rt_sigprocmask", linuxConstants.SIG_BLOCK, set, before, SIGNAL_SET_SIZE) < 0) {
    throw callFailed("rt_sigprocmask", libc.errno());
  }
}

/** Unblocks signals on this thread. */
export function unblock(libc: Libc, set: SignalSet): void {
  libc.syscall("SYS_rt_sigprocmask", linuxConstants.SIG_UNBLOCK, set, null, SIGNAL_SET_SIZE);
}

const action = new Uint8Array(kernelSigaction.size);
const actionView = new DataView(action.buffer);

/** The handler of a signal, {@link SIG_DFL} or {@link SIG_IGN}. */
export function handlerOf(libc: Libc, signal: number): HostAddress {
  libc.syscall("SYS_rt_sigaction", signal, null, action, SIGNAL_SET_SIZE);
  return actionView.getBigUint64(kernelSigaction.fields.sa_handler[0], true);
}

/** Whether a signal interrupts calls for the sake of a handler. */
export function isHandled(libc: Libc, signal: number): boolean {
  const handler = handlerOf(libc, signal);
  return handler !== SIG_DFL && handler !== SIG_IGN;
}
