/**
 * The way into a guest that is debugged. It keeps the debug registers armed, and goes on from a breakpoint: where the guest
 * stands at one, the debug registers for code are put out, one instruction is stepped, and they are armed again. Not every
 * KVM lets RFLAGS.RF do that.
 */
import type { VirtAddr } from "../../core/address.ts";
import type { VcpuHandle } from "../calls/vcpu.ts";
import type { Exit } from "../exits/exits.ts";
import type { GuestEntry } from "../machine/run-loop.ts";
import { ArmedVcpu, isBehindHlt, withoutStep } from "./armed-vcpu.ts";
import { DR6_BS, type DebugPoint } from "./debug-point.ts";
import type { DebugSlots } from "./debug-slots.ts";
import type { Sight } from "./guest-code.ts";

/** What of a vCPU it takes to debug it. */
export type DebuggedVcpu = Pick<VcpuHandle, "enter" | "exit" | "complete" | "isIncomplete" | "setGuestDebug">;

/** Enters a guest with its breakpoints, or for one instruction. */
export class DebugEntry implements GuestEntry {
  readonly #vcpu: DebuggedVcpu;
  readonly #slots: DebugSlots;
  readonly #armed: ArmedVcpu;
  readonly #look: () => Sight;
  /** Where the guest stands at a breakpoint that its consumer knows of. */
  told: VirtAddr | undefined;
  /** What is to be stepped. */
  #step: Sight | undefined;
  /** The exit that was read already. */
  #exit: Exit | undefined;
  /** The instruction that the last step began, and that waits for an answer. */
  unfinished: Sight | undefined;

  /** @param look looks at the guest where it is */
  constructor(vcpu: DebuggedVcpu, slots: DebugSlots, look: () => Sight) {
    this.#vcpu = vcpu;
    this.#slots = slots;
    this.#armed = new ArmedVcpu(vcpu, slots);
    this.#look = look;
  }

  /** To be called when a point was set or taken away. */
  pointsChanged(): void {
    this.#armed.armPoints();
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

  /** The guest was put back to where it was. @param told where it stood at a breakpoint that was told */
  comeBack(told: VirtAddr | undefined): void {
    this.told = told;
    this.unfinished = undefined;
    this.endSteps();
  }

  /** Leaves the vCPU as it is to run; its consumer may also never say so. */
  endSteps(): void {
    if (this.#armed.isStepping) this.#armed.armPoints();
  }

  enter(): boolean {
    this.#exit = undefined;
    if (this.#step !== undefined) return this.#enterStep(this.#step);
    this.unfinished = undefined;
    this.endSteps();
    if (this.told !== undefined) {
      const outcome = this.#leaveBreakpoint(this.told);
      if (outcome !== "left") return outcome === "exit";
      this.told = undefined;
      this.#exit = undefined;
    }
    return this.#vcpu.enter();
  }

  exit(): Exit {
    const exit = this.#exit ?? this.read(this.#vcpu.exit());
    if (exit.kind === "debug" && exit.hits.some(({ kind }) => kind === "breakpoint")) this.told = exit.pc;
    return exit;
  }

  /** An exit of the vCPU, with what it hit. */
  read(exit: Exit): Exit {
    return this.#armed.read(exit);
  }

  /** The breakpoints where the guest arrived: its consumer knows of them from now on. */
  arrive(linear: VirtAddr): readonly DebugPoint[] {
    const breakpoints = this.#slots.breakpointsAt(linear);
    this.told = breakpoints.length > 0 ? linear : undefined;
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
    return exit.hits.length === 0 ? "left" : this.#has(withoutStep(exit));
  }

  #has(exit: Exit): "exit" {
    this.#exit = this.read(exit);
    return "exit";
  }

  /** `false` where a signal came first. */
  #enterStep(sight: Sight): boolean {
    this.#armed.armStep();
    if (!this.#vcpu.enter()) return false;
    const exit = this.read(this.#vcpu.exit());
    this.#exit = exit.kind === "debug" && isBehindHlt(exit, sight) ? { kind: "hlt" } : exit;
    return true;
  }
}
