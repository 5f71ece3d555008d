/**
 * What a debugger does about one vCPU of several: what it is asked to stop at before its thread enters the guest, and what its
 * exits are then. It goes on from a breakpoint by one step with the breakpoints put out, which nobody is told of.
 */
import type { VirtAddr } from "../../core/address.ts";
import type { VcpuHandle } from "../calls/vcpu.ts";
import { ArmedVcpu, isBehindHlt, withoutStep } from "../debug/armed-vcpu.ts";
import type { DebugPoint } from "../debug/debug-point.ts";
import type { DebugSlots } from "../debug/debug-slots.ts";
import type { Sight } from "../debug/guest-code.ts";
import type { Exit } from "../exits/exits.ts";

/** What of a vCPU it takes to debug it. */
type DebuggedVcpu = Pick<VcpuHandle, "setGuestDebug" | "setMpState">;

/** A vCPU that is debugged. */
export class VcpuDebug {
  readonly #vcpu: DebuggedVcpu;
  readonly #slots: DebugSlots;
  readonly #armed: ArmedVcpu;
  /** Looks at the guest where the vCPU is. */
  readonly look: () => Sight;
  /** Where the vCPU stands at a breakpoint that the consumer knows of. */
  told: VirtAddr | undefined;
  #isLeaving = false;
  /** The instruction that the vCPU steps over. */
  #stepped: Sight | undefined;
  /** The instruction that is to be stepped, or that the last step began and that waits for an answer. */
  unfinished: Sight | undefined;

  constructor(vcpu: DebuggedVcpu, slots: DebugSlots, look: () => Sight) {
    this.#vcpu = vcpu;
    this.#slots = slots;
    this.#armed = new ArmedVcpu(vcpu, slots);
    this.look = look;
  }

  /** To be called when a point was set or taken away; a step that is under way is not disturbed. */
  pointsChanged(): void {
    if (!this.#armed.isStepping) this.#armed.armPoints();
  }

  /** To be called before the vCPU runs on. */
  beforeRun(): void {
    this.unfinished = undefined;
    const sight = this.told === undefined ? undefined : this.look();
    this.#isLeaving = sight !== undefined && sight.location.linear === this.told;
    if (this.#isLeaving) this.#armStep(sight!);
    else this.endSteps();
  }

  /** To be called before the vCPU executes one instruction. */
  beforeStep(sight: Sight): void {
    this.unfinished = sight;
    this.#isLeaving = false;
    this.#armStep(sight);
  }

  #armStep(sight: Sight): void {
    this.#stepped = sight;
    this.#armed.armStep();
  }

  /** An exit as its consumer is to see it; `undefined` where the vCPU left its breakpoint, and is to go on. */
  read(given: Exit): Exit | undefined {
    const isLeaving = this.#isLeaving;
    const stepped = this.#stepped;
    const exit = this.#armed.read(given);
    this.#isLeaving = false;
    if (isLeaving) this.endSteps();
    this.told = undefined;
    if (exit.kind !== "debug") return exit;
    if (stepped !== undefined && isBehindHlt(exit, stepped)) this.#vcpu.setMpState("halted");
    if (exit.hits.some(({ kind }) => kind === "breakpoint")) this.told = exit.pc;
    if (!isLeaving || !exit.isStep) return exit;
    return exit.hits.length === 0 ? undefined : withoutStep(exit);
  }

  /** The breakpoints where the vCPU arrived: the consumer knows of them from now on. */
  arrive(linear: VirtAddr): readonly DebugPoint[] {
    const breakpoints = this.#slots.breakpointsAt(linear);
    this.told = breakpoints.length > 0 ? linear : undefined;
    return breakpoints;
  }

  /** The vCPU was put back to where it was. @param told where it stood at a breakpoint that was told */
  comeBack(told: VirtAddr | undefined): void {
    this.told = told;
    this.unfinished = undefined;
    this.endSteps();
  }

  /** Leaves the vCPU as it is to run. */
  endSteps(): void {
    this.#stepped = undefined;
    if (this.#armed.isStepping) this.#armed.armPoints();
  }
}
