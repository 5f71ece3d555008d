/**
 * What the module takes from Linux besides KVM: numbers and layouts of x86-64. Pure; the tests compare each row with the
 * C compiler's. Timers and signal masks go through `syscall(2)`, so that one table serves glibc of any age and musl.
 */
import type { StructLayout } from "./structs.ts";

/** System call numbers (asm/unistd_64.h). */
export const syscalls = {
  SYS_rt_sigaction: 13,
  SYS_rt_sigprocmask: 14,
  SYS_rt_sigtimedwait: 128,
  SYS_gettid: 186,
  SYS_timer_create: 222,
  SYS_timer_settime: 223,
  SYS_timer_delete: 226,
} as const;

/** The name of a system call in the table. */
export type SyscallName = keyof typeof syscalls;

/** Constants of fcntl.h, sys/mman.h, sys/eventfd.h, signal.h and time.h. */
export const linuxConstants = {
  O_RDWR: 0o2,
  O_CLOEXEC: 0o2000000,
  PROT_READ: 1,
  PROT_WRITE: 2,
  MAP_SHARED: 1,
  MAP_PRIVATE: 2,
  MAP_ANONYMOUS: 0x20,
  MAP_NORESERVE: 0x4000,
  SIG_BLOCK: 0,
  SIG_UNBLOCK: 1,
  SA_RESTART: 0x1000_0000,
  SIGEV_THREAD_ID: 4,
  EFD_CLOEXEC: 0o2000000,
  EFD_NONBLOCK: 0o4000,
  CLOCK_MONOTONIC: 1,
  SIGCHLD: 17,
  SIGURG: 23,
  SIGPROF: 27,
  SIGWINCH: 28,
} as const;

/** `struct sigevent`, as far as `timer_create` with `SIGEV_THREAD_ID` reads it. */
export const sigevent = {
  size: 64,
  fields: { sigev_signo: [8, 4], sigev_notify: [12, 4], "_sigev_un._tid": [16, 4] },
} as const;

/** `struct itimerspec`: when a timer first expires, and how often after that. */
export const itimerspec = {
  size: 32,
  fields: {
    "it_interval.tv_sec": [0, 8],
    "it_interval.tv_nsec": [8, 8],
    "it_value.tv_sec": [16, 8],
    "it_value.tv_nsec": [24, 8],
  },
} as const;

/** `struct timespec`. */
export const timespec = { size: 16, fields: { tv_sec: [0, 8], tv_nsec: [8, 8] } } as const;

/** Libc's `struct sigaction`, the same in glibc and musl. */
export const libcSigaction = { size: 152, fields: { sa_handler: [0, 8], sa_flags: [136, 4] } } as const;

/** The kernel's `struct sigaction` (asm/signal.h), which is not the one of libc. */
export const kernelSigaction = { size: 32, fields: { sa_handler: [0, 8] } } as const;

/** The size of the kernel's signal set, in bytes: 64 signals. */
export const SIGNAL_SET_SIZE = 8;

/** Every struct of this file that libc's headers know, by its C name, for the tests. */
export const linuxLayouts: Readonly<Record<string, StructLayout>> = {
  sigevent,
  itimerspec,
  timespec,
  sigaction: libcSigaction,
};
