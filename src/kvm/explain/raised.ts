/** An exception that an instruction raises, and the rule that says so. */
import type { VirtAddr } from "../../core/address.ts";
import type { ExaminedInstruction } from "../../disasm/examined-instruction.ts";
import { exceptionVectors, type ExceptionName } from "../../layout/descriptors/exception-vectors.ts";
import type { Fault, MemoryAccess } from "../../paging/index.ts";
import type { ExceptionCause } from "./finding.ts";
import type { GuestView } from "./guest-view.ts";
import type { MemoryFault } from "./memory-fault.ts";

/** An exception on its way to its handler, and why it was raised. */
export interface Raised {
  readonly vector: number;
  /** `undefined` where the CPU pushes none. */
  readonly errorCode: number | undefined;
  readonly cause: ExceptionCause;
  /** Why, in words that follow a colon; `undefined` where the instruction is there to raise it. */
  readonly why: string | undefined;
  readonly hint?: string;
  readonly address?: VirtAddr;
  readonly access?: MemoryAccess["kind"];
  readonly fault?: Fault | undefined;
}

/** What one rule of the CPU finds about the instruction that it is about to execute. */
export type InstructionRule = (view: GuestView, instruction: ExaminedInstruction) => Raised | undefined;

/** An exception by its mnemonic. */
export function raise(
  exception: ExceptionName,
  cause: ExceptionCause,
  why: string,
  more: Pick<Raised, "hint" | "errorCode"> | { readonly hint?: string } = {},
): Raised {
  const { vector, errorCode } = exceptionVectors[exception];
  return { vector, errorCode: errorCode ? 0 : undefined, cause, why, ...more };
}

/** The exception of an access that fails. @param who what accesses: `it reads 8 bytes at` */
export function raiseFor(
  { vector, errorCode, address, fault, problem }: MemoryFault,
  access: MemoryAccess["kind"],
  cause: ExceptionCause,
  who: (address: VirtAddr) => string,
): Raised {
  return { vector, errorCode, cause, address, access, fault, why: `${who(address)}, which ${problem}` };
}
