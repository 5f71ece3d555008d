/** Memory for what KVM wants by its address, which a JavaScript buffer does not tell. */
import { linuxConstants } from "../abi/linux.ts";
import { callFailed } from "./host-error.ts";
import type { HostAddress, Libc } from "./libc.ts";

/**
 * Copies bytes to memory that does not move, and back after `call`. Throws {@link KvmError} `CALL_FAILED` where the host has
 * none left.
 */
export function withAddress<Result>(libc: Libc, bytes: Uint8Array, call: (at: HostAddress) => Result): Result {
  const { PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS } = linuxConstants;
  const size = Math.max(bytes.length, 1);
  const scratch = libc.mmap(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (scratch === undefined) throw callFailed(`mmap of ${size} bytes`, libc.errno());
  try {
    libc.copyTo(scratch, bytes, bytes.length);
    const result = call(scratch);
    libc.copyFrom(bytes, scratch, bytes.length);
    return result;
  } finally {
    libc.munmap(scratch, size);
  }
}
