/** What a task-state segment holds, as data. */
import type { VirtAddr } from "../../core/address.ts";
import type { PortRange } from "./io-permissions.ts";

/** What the TSS of 32 bits and that of 64 have in common. */
interface IoPermissions {
  /** The ports that code may use whatever its privilege. None where not given. */
  readonly ports?: readonly PortRange[];
  /**
   * The offset of the I/O permission bitmap in the segment: 0x68 to 0xdfff (SDM vol. 1, 19.5.2). Where not given, 0x68: right
   * after the state.
   */
  readonly ioMapBase?: number;
}

/** The registers that a task of 16 bits finds: 0 to 0xffff, 0 where not given. */
export interface TaskState16 {
  /** Names the kind. */
  readonly bits: 16;
  /** The selector of the TSS of the task that was left. */
  readonly link?: number;
  readonly sp0?: number;
  readonly ss0?: number;
  readonly sp1?: number;
  readonly ss1?: number;
  readonly sp2?: number;
  readonly ss2?: number;
  readonly ip?: number;
  readonly flags?: number;
  readonly ax?: number;
  readonly cx?: number;
  readonly dx?: number;
  readonly bx?: number;
  readonly sp?: number;
  readonly bp?: number;
  readonly si?: number;
  readonly di?: number;
  readonly es?: number;
  readonly cs?: number;
  readonly ss?: number;
  readonly ds?: number;
  /** The selector of the task's LDT. */
  readonly ldt?: number;
}

/** The registers that a task of 32 bits finds: 0 to 2^32 - 1, selectors to 0xffff; 0 where not given. */
export interface TaskState32 extends IoPermissions {
  /** Names the kind. */
  readonly bits: 32;
  /** The selector of the TSS of the task that was left. */
  readonly link?: number;
  /** The stack that a fault, an interrupt or a call gate to ring 0 switches to. */
  readonly esp0?: number;
  /** Its segment. */
  readonly ss0?: number;
  readonly esp1?: number;
  readonly ss1?: number;
  readonly esp2?: number;
  readonly ss2?: number;
  readonly cr3?: number;
  readonly eip?: number;
  readonly eflags?: number;
  readonly eax?: number;
  readonly ecx?: number;
  readonly edx?: number;
  readonly ebx?: number;
  readonly esp?: number;
  readonly ebp?: number;
  readonly esi?: number;
  readonly edi?: number;
  readonly es?: number;
  readonly cs?: number;
  readonly ss?: number;
  readonly ds?: number;
  readonly fs?: number;
  readonly gs?: number;
  /** The selector of the task's LDT. */
  readonly ldt?: number;
  /** Whether a switch to the task raises #DB: the T flag. */
  readonly trap?: boolean;
}

/** The stacks of long mode: linear addresses, 0 to 2^64 - 1; 0 where not given. */
export interface TaskState64 extends IoPermissions {
  /** Names the kind. */
  readonly bits: 64;
  /** The stack that a fault or an interrupt switches to on its way to ring 0. */
  readonly rsp0?: VirtAddr;
  readonly rsp1?: VirtAddr;
  readonly rsp2?: VirtAddr;
  /** The stack of gates whose `ist` is 1. */
  readonly ist1?: VirtAddr;
  readonly ist2?: VirtAddr;
  readonly ist3?: VirtAddr;
  readonly ist4?: VirtAddr;
  readonly ist5?: VirtAddr;
  readonly ist6?: VirtAddr;
  readonly ist7?: VirtAddr;
}

/** What a TSS holds. */
export type TaskState = TaskState16 | TaskState32 | TaskState64;
