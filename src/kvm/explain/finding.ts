/** What is found out about a guest that ended badly, as data. */
import type { VirtAddr } from "../../core/address.ts";
import type { Instruction } from "../../disasm/instruction.ts";
import type { ExceptionName } from "../../layout/descriptors/exception-vectors.ts";
import type { EntryViolation } from "../../layout/entry/entry-rules.ts";
import type { Fault, MemoryAccess } from "../../paging/index.ts";
import type { GuestLocation } from "../machine/location.ts";

interface FindingBase {
  /** All of it in one sentence. */
  readonly text: string;
  /** What to do about it; `undefined` where nothing follows from it. */
  readonly hint: string | undefined;
}

/** The registers are those of a CPU after a reset: what came before is gone. KVM on SVM does this after a shutdown. */
export interface StateResetFinding extends FindingBase {
  readonly kind: "state-reset";
}

/** The guest executes what is none of its code. */
export interface StrayFinding extends FindingBase {
  readonly kind: "stray";
  readonly reason: /** There is no memory. */
    | "no-memory"
    /** Nothing but zeros since the end of a program. */
    | "past-end"
    /** In no program of the image. */
    | "outside"
    /** In data of a program. */
    | "data"
    /** In the middle of a statement. */
    | "inside-instruction";
  readonly where: GuestLocation;
}

/** The guest is at the first instruction of an exception's handler: what was raised first was delivered. */
export interface HandlerFinding extends FindingBase {
  readonly kind: "handler";
  readonly vector: number;
  /** The mnemonic of the vector's exception; `undefined` where it has none. */
  readonly exception: ExceptionName | undefined;
  /** Where the handler would return to: of a fault, the instruction that raised it. */
  readonly from: GuestLocation;
}

/** Why an instruction raises an exception. */
export type ExceptionCause =
  /** It lies where it cannot be fetched. */
  | "fetch"
  /** It accesses memory that it must not. */
  | "memory"
  /** The bytes are no instruction, or one that is there to raise #UD. */
  | "invalid-opcode"
  /** Its privilege does not suffice. */
  | "privilege"
  /** The unit that executes it is switched off. */
  | "unit-off"
  /** A division by zero, or one whose result does not fit. */
  | "division"
  /** Its operand is not aligned. */
  | "alignment"
  /** It loads a selector that its table does not hold, or that is of no use there. */
  | "selector"
  /** It writes a value that a register does not take. */
  | "register-value"
  /** It is an `int`. */
  | "software-interrupt";

/** The instruction at RIP, and the exception that it raises in the state that was left. */
export interface ExceptionFinding extends FindingBase {
  readonly kind: "exception";
  readonly vector: number;
  /** The mnemonic of the vector's exception; `undefined` where it has none. */
  readonly exception: ExceptionName | undefined;
  /** What the CPU pushes; `undefined` where it pushes none. */
  readonly errorCode: number | undefined;
  readonly cause: ExceptionCause;
  readonly where: GuestLocation;
  /** `undefined` where it cannot be fetched, or is none. */
  readonly instruction: Instruction | undefined;
  /** The linear address of the access that failed; `undefined` where none did. */
  readonly address: VirtAddr | undefined;
  readonly access: MemoryAccess["kind"] | undefined;
  /** What the page walk to that address met. */
  readonly fault: Fault | undefined;
}

/** Why an exception is not delivered. */
export type UndeliverableReason =
  /** IDTR's limit leaves no room for any gate. */
  | "no-idt"
  /** The gate lies behind IDTR's limit. */
  | "beyond-limit"
  /** The table cannot be read where the gate would be. */
  | "table-not-mapped"
  /** The entry is empty. */
  | "no-gate"
  /** The entry is something else, or a gate that the mode lacks. */
  | "wrong-type"
  /** The gate's DPL forbids `int` at this privilege. */
  | "gate-privilege"
  /** The gate is not present. */
  | "not-present"
  /** The gate's selector leads to no code segment that it may. */
  | "code-segment"
  /** The selector of a task gate leads to no TSS that the CPU can switch to. */
  | "task"
  /** There is no TSS with the stack that it needs. */
  | "no-stack"
  /** The frame cannot be pushed. */
  | "stack-not-writable"
  /** The handler's address is not one that the CPU has. */
  | "handler-address";

/** Why an exception did not reach a handler. What comes of it is the next one, or the shutdown. */
export interface UndeliverableFinding extends FindingBase {
  readonly kind: "undeliverable";
  readonly vector: number;
  /** The mnemonic of the vector's exception; `undefined` where it has none. */
  readonly exception: ExceptionName | undefined;
  readonly reason: UndeliverableReason;
  /** The exception that the CPU meets on the way. */
  readonly raises: ExceptionName;
  /** The linear address that could not be read or written; `undefined` where it is about none. */
  readonly address: VirtAddr | undefined;
}

/** Where the last page fault was, as CR2 has it: all that is left of an exception that cannot be derived. */
export interface PageFaultAddressFinding extends FindingBase {
  readonly kind: "page-fault-address";
  readonly address: VirtAddr;
}

/** KVM cannot emulate an instruction. */
export interface EmulationFinding extends FindingBase {
  readonly kind: "emulation";
  readonly where: GuestLocation;
  /** `undefined` where the bytes are none. */
  readonly instruction: Instruction | undefined;
}

/** A rule about the CPU's state at entry that does not hold. */
export interface EntryRuleFinding extends FindingBase {
  readonly kind: "entry-rule";
  readonly violation: EntryViolation;
}

/** The state that was left does not say why. */
export interface UnknownFinding extends FindingBase {
  readonly kind: "unknown";
  readonly where: GuestLocation;
}

/** Something that was found out about a guest that ended badly. `switch` on `kind`. */
export type Finding =
  | StateResetFinding
  | StrayFinding
  | HandlerFinding
  | ExceptionFinding
  | UndeliverableFinding
  | PageFaultAddressFinding
  | EmulationFinding
  | EntryRuleFinding
  | UnknownFinding;
