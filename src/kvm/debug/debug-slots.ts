/** The debug registers of a machine, and what they hold: the same on each of its vCPUs. */
import type { VirtAddr } from "../../core/address.ts";
import { KvmError } from "../kvm-error.ts";
import { hitPoints, MAX_DEBUG_POINTS, type Breakpoint, type DebugPoint } from "./debug-point.ts";

/** DR0 to DR3, by what is in them. */
export class DebugSlots {
  readonly #slots: (DebugPoint | undefined)[] = Array.from({ length: MAX_DEBUG_POINTS });

  /** All of them, `undefined` for one that is free. */
  get all(): readonly (DebugPoint | undefined)[] {
    return this.#slots;
  }

  /** What is to be watched while one instruction is stepped: at its breakpoint it would not get on. */
  get whileStepping(): readonly (DebugPoint | undefined)[] {
    return this.#slots.map((point) => (point?.kind === "watchpoint" ? point : undefined));
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
  }

  /** `false` where it is not there. */
  remove(point: DebugPoint): boolean {
    const slot = this.#slots.indexOf(point);
    if (slot < 0) return false;
    this.#slots[slot] = undefined;
    return true;
  }

  /** What a debug exit hit. */
  hits(dr6: bigint): readonly DebugPoint[] {
    return hitPoints(this.#slots, dr6);
  }

  /** The breakpoints at a linear address. */
  breakpointsAt(linear: VirtAddr): readonly Breakpoint[] {
    return this.#slots.filter((point): point is Breakpoint => point?.kind === "breakpoint" && point.address === linear);
  }
}
