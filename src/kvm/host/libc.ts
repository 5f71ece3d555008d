/**
 * The one file that calls native code: the handful of libc's functions that KVM wants, through koffi. It loads koffi and
 * libc when first asked to, never when imported. No named koffi type, nothing on `globalThis`: two copies of this
 * package, and any number of threads, may each have their own.
 */
import { createRequire } from "node:module";
import { syscalls, type SyscallName } from "../abi/linux.ts";
import { KvmError } from "../kvm-error.ts";
import { requirePlatform } from "./platform.ts";

/** An address in this process. */
export type HostAddress = bigint;

/** Libc's functions, one binding for each kind of argument. Those that fail return -1; ask `errno` straight after. */
export interface Libc {
  /** `open(path, flags)`: a file descriptor. */
  open(path: string, flags: number): number;
  /** `close(fd)`. */
  close(fd: number): number;
  /** `ioctl(fd, request, number)`. */
  ioctl(fd: number, request: number, argument: number): number;
  /** `ioctl(fd, request, pointer)`. */
  ioctlBytes(fd: number, request: number, argument: Uint8Array): number;
  /** `mmap(NULL, length, protection, flags, fd, offset)`: `undefined` where it fails. The offset is 0 unless given. */
  mmap(length: number, protection: number, flags: number, fd: number, offset?: number): HostAddress | undefined;
  /** `eventfd(initial, flags)`: a file descriptor. */
  eventfd(initial: number, flags: number): number;
  /** `read(fd, bytes, size)`. */
  read(fd: number, bytes: Uint8Array, size: number): number;
  /** `pread(fd, bytes, size, offset)`. */
  pread(fd: number, bytes: Uint8Array, size: number, offset: number): number;
  /** `write(fd, bytes, size)`. */
  write(fd: number, bytes: Uint8Array, size: number): number;
  /** `munmap(address, length)`. */
  munmap(address: HostAddress, length: number): number;
  /** Copies `size` bytes from memory of this process. */
  copyFrom(to: Uint8Array, from: HostAddress, size: number): void;
  /** Copies `size` bytes to memory of this process. */
  copyTo(to: HostAddress, from: Uint8Array, size: number): void;
  /** Copies `size` bytes within memory of this process; addresses below 2^53, as all of user space is. */
  copyMemory(to: number, from: number, size: number): void;
  /** The memory itself. It must never be touched after `munmap`: keep it private to the one who unmaps. */
  view(address: HostAddress, length: number): ArrayBuffer;
  /** `syscall(number, a, pointer, pointer, d)`; `null` for a null pointer. */
  syscall(name: SyscallName, a: number, b: Uint8Array | null, c: Uint8Array | null, d: number): number;
  /** `sigaction(signal, action, NULL)`. */
  sigaction(signal: number, action: Uint8Array): number;
  /** A handler of signals that does nothing: the address of `getpid`, which may be called in any of them (signal-safety(7)). */
  readonly harmless: HostAddress;
  /** `rt_sigtimedwait(set, NULL, timeout, size of set)`: the number of a signal that was pending. */
  sigtimedwait(set: Uint8Array, timeout: Uint8Array): number;
  /** The errno of the call just made on this thread. */
  errno(): number;
}

/** glibc's name, then musl's. */
const libraryNames = ["libc.so.6", "libc.musl-x86_64.so.1"];

/** `mmap` fails with `(void *)-1`. */
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

let loaded: Libc | undefined;

/** Loads koffi and libc, once for each thread. Throws {@link KvmError} `UNSUPPORTED_PLATFORM` or `NO_NATIVE_LIBRARY`. */
export async function loadLibc(): Promise<Libc> {
  requirePlatform(process.platform, process.arch);
  loaded ??= bind(await importKoffi());
  return loaded;
}

type Koffi = typeof import("koffi");

/** The package as CommonJS has it: on Node 20, `import` asks the thread of the hooks, where there are any, module by module. */
function requireKoffi(): Koffi | undefined {
  try {
    return createRequire(import.meta.url)("koffi") as Koffi;
  } catch {
    // It is part of a bundle, or is not there: what `import` says of that is clearer.
    return undefined;
  }
}

async function importKoffi(): Promise<Koffi> {
  const required = requireKoffi();
  if (required !== undefined) return required;
  try {
    const namespace = (await import("koffi")) as Koffi & { default?: Koffi };
    return namespace.default ?? namespace;
  } catch (cause) {
    throw new KvmError("koffi, which calls the C library, cannot be loaded", {
      code: "NO_NATIVE_LIBRARY",
      cause,
      hint: "its binaries are optional dependencies: install without --omit=optional, and keep koffi out of bundles (external)",
    });
  }
}

function bind(koffi: Koffi): Libc {
  const library = loadFirst(koffi);
  const open = library.func("open", "int", ["str", "int"]);
  const close = library.func("close", "int", ["int"]);
  const ioctl = library.func("ioctl", "int", ["int", "unsigned long", "unsigned long"]);
  const ioctlBytes = library.func("ioctl", "int", ["int", "unsigned long", "void *"]);
  const mmap = library.func("mmap", "uintptr_t", ["void *", "size_t", "int", "int", "int", "int64_t"]);
  const munmap = library.func("munmap", "int", ["void *", "size_t"]);
  const memcpy = library.func("memcpy", "void", ["void *", "void *", "size_t"]);
  const syscall = library.func("syscall", "long", ["long", "long", "void *", "void *", "long"]);
  const syscallOnPointers = library.func("syscall", "long", ["long", "void *", "void *", "void *", "long"]);
  const sigaction = library.func("sigaction", "int", ["int", "void *", "void *"]);
  return {
    open,
    close,
    ioctl,
    ioctlBytes,
    mmap: (length, protection, flags, fd, offset = 0) => {
      const address = BigInt(mmap(null, length, protection, flags, fd, offset) as number | bigint);
      return address === MAP_FAILED ? undefined : address;
    },
    eventfd: library.func("eventfd", "int", ["unsigned int", "int"]),
    read: library.func("read", "long", ["int", "void *", "size_t"]),
    pread: library.func("pread", "long", ["int", "void *", "size_t", "int64_t"]),
    write: library.func("write", "long", ["int", "void *", "size_t"]),
    munmap,
    copyFrom: memcpy,
    copyTo: memcpy,
    copyMemory: library.func("memcpy", "void", ["uintptr_t", "uintptr_t", "size_t"]),
    view: (address, length) => koffi.view(address, length),
    syscall: (name, a, b, c, d) => syscall(syscalls[name], a, b, c, d) as number,
    sigaction: (signal, action) => sigaction(signal, action, null) as number,
    harmless: koffi.address(library.symbol("getpid")),
    sigtimedwait: (set, timeout) =>
      syscallOnPointers(syscalls.SYS_rt_sigtimedwait, set, null, timeout, set.length) as number,
    errno: () => koffi.errno(),
  };
}

function loadFirst(koffi: Koffi): ReturnType<Koffi["load"]> {
  const causes: unknown[] = [];
  for (const name of libraryNames) {
    try {
      return koffi.load(name);
    } catch (cause) {
      causes.push(cause);
    }
  }
  throw new KvmError(`the C library cannot be loaded: none of ${libraryNames.join(", ")} is there`, {
    code: "NO_NATIVE_LIBRARY",
    cause: new AggregateError(causes),
    hint: "glibc and musl are known; name your system's C library in an issue",
  });
}
