/** What a vCPU is asked to stop at: `KVM_SET_GUEST_DEBUG`, from the points that a machine's debugger has set. */
import { guestDebugFlags } from "../abi/constants.ts";
import type { VcpuHandle } from "../calls/vcpu.ts";
import type { DebugExit, Exit } from "../exits/exits.ts";
import { debugRegisters, DR6_BS, type DebugPoint } from "./debug-point.ts";
import type { DebugSlots } from "./debug-slots.ts";
import type { Sight } from "./guest-code.ts";

const { KVM_GUESTDBG_ENABLE, KVM_GUESTDBG_SINGLESTEP, KVM_GUESTDBG_USE_HW_BP } = guestDebugFlags;

/** A vCPU with its debug registers. */
export class ArmedVcpu {
  readonly #vcpu: Pick<VcpuHandle, "setGuestDebug">;
  readonly #slots: DebugSlots;
  #isStepping = false;

  constructor(vcpu: Pick<VcpuHandle, "setGuestDebug">, slots: DebugSlots) {
    this.#vcpu = vcpu;
    this.#slots = slots;
  }

  /** Whether it is to stop after one instruction. */
  get isStepping(): boolean {
    return this.#isStepping;
  }

  /** At all points. */
  armPoints(): void {
    this.#isStepping = false;
    this.#arm(this.#slots.all, 0);
  }

  /**
   * After one instruction. KVM notes where a step begins: what moves RIP between two steps would undo it, unless it is asked
   * for anew each time.
   */
  armStep(): void {
    this.#isStepping = true;
    this.#arm(this.#slots.whileStepping, KVM_GUESTDBG_SINGLESTEP);
  }

  /** An exit of the vCPU, with what it hit. */
  read(exit: Exit): Exit {
    return exit.kind === "debug" ? { ...exit, hits: this.#slots.hits(exit.dr6) } : exit;
  }

  #arm(slots: readonly (DebugPoint | undefined)[], step: number): void {
    const isUsed = slots.some((point) => point !== undefined);
    const flags = step | (isUsed ? KVM_GUESTDBG_USE_HW_BP : 0);
    this.#vcpu.setGuestDebug({
      control: flags === 0 ? 0 : flags | KVM_GUESTDBG_ENABLE,
      ...(isUsed ? { debugreg: debugRegisters(slots) } : {}),
    });
  }
}

/** What a step that nobody asked for leaves of a debug exit. */
export function withoutStep(exit: DebugExit): DebugExit {
  return { ...exit, dr6: exit.dr6 & ~DR6_BS, isStep: false };
}

/** Whether a step executed `hlt`: where KVM emulates it, the end of the step hides the halt. */
export function isBehindHlt({ pc, dr6 }: DebugExit, { instruction, location }: Sight): boolean {
  if (instruction?.text !== "hlt" || (dr6 & DR6_BS) === 0n) return false;
  return pc === location.linear + BigInt(instruction.bytes.length);
}
