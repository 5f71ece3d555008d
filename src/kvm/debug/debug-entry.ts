/**
 * The way into a guest that is debugged. It keeps the debug registers armed, and goes on from a breakpoint: where the guest
 * stands at one, the debug registers for code are put out, one instruction is stepped, and they are armed again. Not every
 * KVM lets RFLAGS.RF do that.
 */
import type { VirtAddr } from "../../core/address.ts";
import { guestDebugFlags } from "../abi/constants.ts";
import type { VcpuHandle } from "../calls/vcpu.ts";
import type { DebugExit, Exit } from "../exits/exits.ts";
import { KvmError } from "../kvm-error.ts";
import type { GuestEntry } from "../machine/run-loop.ts";
import { debugRegisters, DR6_BS, hitPoints, MAX_DEBUG_POINTS, type DebugPoint } from "./debug-point.ts";
import type { Sight } from "./guest-code.ts";

const { KVM_GUESTDBG_ENABLE, KVM_GUESTDBG_SINGLESTEP, KVM_GUESTDBG_USE_HW_BP } = guestDebugFlags;

/** What of a vCPU it takes to debug it. */
export type DebuggedVcpu = Pick<VcpuHandle, "enter" | "exit" | "complete" | "isIncomplete" | "setGuestDebug">;

/** Enters a guest with its breakpoints, or for one instruction. */
export class DebugEntry implements GuestEntry {
  readonly #vcpu: DebuggedVcpu;
  readonly #look: () => Sight;
  readonly #slots: (DebugPoint | undefined)[] = Array.from({ length: MAX_DEBUG_POINTS });
  /** Where the guest stands at a breakpoint that its consumer knows of. */
  #told: VirtAddr | undefined;
  /** What is to be stepped. */
  #step: Sight | undefined;
  #isStepArmed = false;
  /** The exit that was read already. */
  #exit: Exit | undefined;
  /** The instruction that the last step began, and that waits for an answer. */
  unfinished: Sight | undefined;

  /** @param look looks at the guest where it is */
  constructor(vcpu: DebuggedVcpu, look: () => Sight) {
    this.#vcpu = vcpu;
    this.#look = look;
  }

  get points(): readonly DebugPoint[] {
    return this.#slots.filter((point) => point !== undefined);
  }

  /** Throws {@link KvmError} `NO_ROOM` where all debug registers are taken. */
  add(point: DebugPoint): void {
    const free = this.#slots.indexOf(undefined);
    if (free < 0) {
      throw new KvmError(`all ${MAX_DEBUG_POINTS} debug registers are taken`, {
        code: "NO_ROOM",
        value: point,
        hint: "remove a breakpoint or a watchpoint first",
      });
    }
    this.#slots[free] = point;
    this.#arm(this.#slots);
  }

  /** `false` where it is not there. */
  remove(point: DebugPoint): boolean {
    const slot = this.#slots.indexOf(point);
    if (slot < 0) return false;
    this.#slots[slot] = undefined;
    this.#arm(this.#slots);
    return true;
  }

  /** Executes one instruction, the one that was looked at. @param run enters the guest by {@link enter} */
  step(sight: Sight, run: () => Exit | undefined): Exit | undefined {
    this.unfinished = sight;
    this.#step = sight;
    try {
      return run();
    } finally {
      this.#step = undefined;
    }
  }

  /** Leaves the vCPU as it is to run; its consumer may also never say so. */
  endSteps(): void {
    if (this.#isStepArmed) this.#arm(this.#slots);
  }

  enter(): boolean {
    this.#exit = undefined;
    if (this.#step !== undefined) return this.#enterStep(this.#step);
    this.unfinished = undefined;
    this.endSteps();
    if (this.#told !== undefined) {
      const outcome = this.#leaveBreakpoint(this.#told);
      if (outcome !== "left") return outcome === "exit";
      this.#told = undefined;
      this.#exit = undefined;
    }
    return this.#vcpu.enter();
  }

  exit(): Exit {
    const exit = this.#exit ?? this.read(this.#vcpu.exit());
    if (exit.kind === "debug" && exit.hits.some(({ kind }) => kind === "breakpoint")) this.#told = exit.pc;
    return exit;
  }

  /** An exit of the vCPU, with what it hit. */
  read(exit: Exit): Exit {
    return exit.kind === "debug" ? { ...exit, hits: hitPoints(this.#slots, exit.dr6) } : exit;
  }

  /** The breakpoints where the guest arrived: its consumer knows of them from now on. */
  arrive(linear: VirtAddr): readonly DebugPoint[] {
    const breakpoints = this.#slots.filter(
      (point): point is DebugPoint => point?.kind === "breakpoint" && point.address === linear,
    );
    this.#told = breakpoints.length > 0 ? linear : undefined;
    return breakpoints;
  }

  /** @returns "left" once the guest is no longer where it was; "exit" where there is one to read first, "none" where not */
  #leaveBreakpoint(told: VirtAddr): "left" | "exit" | "none" {
    const open = this.#vcpu.isIncomplete ? this.#vcpu.complete() : undefined;
    if (open !== undefined) return this.#has(open);
    const sight = this.#look();
    if (sight.location.linear !== told) return "left";
    try {
      if (!this.#enterStep(sight)) return "none";
    } finally {
      this.endSteps();
    }
    const exit = this.#exit!;
    if (exit.kind !== "debug" || (exit.dr6 & DR6_BS) === 0n) return "exit";
    // The step is ours; a watchpoint that the instruction hit is not.
    return exit.hits.length === 0 ? "left" : this.#has({ ...exit, dr6: exit.dr6 & ~DR6_BS, isStep: false });
  }

  #has(exit: Exit): "exit" {
    this.#exit = this.read(exit);
    return "exit";
  }

  /** `false` where a signal came first. */
  #enterStep(sight: Sight): boolean {
    const watched = this.#slots.map((point) => (point?.kind === "watchpoint" ? point : undefined));
    this.#arm(watched, KVM_GUESTDBG_SINGLESTEP);
    if (!this.#vcpu.enter()) return false;
    const exit = this.read(this.#vcpu.exit());
    // Where KVM emulates `hlt`, the end of the step hides the halt.
    this.#exit = exit.kind === "debug" && isBehindHlt(exit, sight) ? { kind: "hlt" } : exit;
    return true;
  }

  /** KVM notes where a step begins: what moves RIP between two steps would undo it, unless it is asked for anew each time. */
  #arm(slots: readonly (DebugPoint | undefined)[], step = 0): void {
    this.#isStepArmed = step !== 0;
    const isUsed = slots.some((point) => point !== undefined);
    const flags = step | (isUsed ? KVM_GUESTDBG_USE_HW_BP : 0);
    this.#vcpu.setGuestDebug({
      control: flags === 0 ? 0 : flags | KVM_GUESTDBG_ENABLE,
      ...(isUsed ? { debugreg: debugRegisters(slots) } : {}),
    });
  }
}

function isBehindHlt({ pc, dr6 }: DebugExit, { instruction, location }: Sight): boolean {
  if (instruction?.text !== "hlt" || (dr6 & DR6_BS) === 0n) return false;
  return pc === location.linear + BigInt(instruction.bytes.length);
}
