/** Setting breakpoints and watchpoints, and taking them away. */
import type { VirtAddr } from "../../core/address.ts";
import { badArgument, requireOptions } from "../kvm-error.ts";
import {
  requireLinear,
  requireWatchable,
  type Breakpoint,
  type DebugPoint,
  type WatchedAccess,
  type Watchpoint,
} from "./debug-point.ts";
import type { DebugSlots } from "./debug-slots.ts";
import type { DebugSupport } from "./probe.ts";
import { requireSupport } from "./support-error.ts";
import { symbolAddress, type SymbolSource } from "./symbols.ts";

/** What a watchpoint watches. */
export interface WatchOptions {
  /** In bytes; the address must be a multiple of it. 1 unless given. */
  readonly size?: Watchpoint["size"];
  /** Which accesses; writes unless given. A write of the same value counts. */
  readonly on?: WatchedAccess;
}

/**
 * The breakpoints and watchpoints of a machine. There are four debug registers for both together; while any is in use, the
 * guest's own debug registers are not, and its own #DB become debug exits. Methods throw {@link KvmError} `NOT_SUPPORTED` where
 * the host's KVM cannot do it, and `CLOSED` after the machine's `close()`.
 */
export interface DebugPoints {
  /** What this host's KVM can do: see {@link probeDebugging}. */
  readonly support: DebugSupport;
  /** The breakpoints and watchpoints that are set, by debug register. */
  readonly points: readonly DebugPoint[];
  /**
   * Stops the guest before it executes an instruction: it then exits as `debug`. Going on executes it. Throws {@link KvmError}
   * `BAD_ARGUMENT` for a symbol that is not there or is ambiguous, and `NO_ROOM` where all debug registers are taken.
   *
   * @param place a label, `program.label`, the name of a program for its first byte, or a linear address
   */
  breakAt(place: string | VirtAddr): Breakpoint;
  /**
   * Stops the guest after an instruction that accessed some bytes: it then exits as `debug`. Throws {@link KvmError}
   * `BAD_ARGUMENT` for what the CPU cannot watch, and `NO_ROOM` where all debug registers are taken.
   *
   * @param place a label, `program.label`, the name of a program for its first byte, or a linear address
   */
  watch(place: string | VirtAddr, options?: WatchOptions): Watchpoint;
  /** Takes a breakpoint or a watchpoint away. Throws {@link KvmError} `BAD_ARGUMENT` for one that is not set. */
  remove(point: DebugPoint): void;
  /** Takes all of them away. */
  clear(): void;
}

/** What points are set with. */
export interface PointParts {
  readonly slots: DebugSlots;
  readonly symbols: SymbolSource;
  readonly support: DebugSupport;
  /** Throws where the machine was closed. */
  readonly requireOpen: () => void;
  /** Brings the vCPUs to what the slots hold now. */
  readonly pointsChanged: () => void;
}

/** The methods of {@link DebugPoints}. */
export class PointSetter implements DebugPoints {
  readonly #parts: PointParts;
  #lastId = 0;

  constructor(parts: PointParts) {
    this.#parts = parts;
  }

  get support(): DebugSupport {
    return this.#parts.support;
  }

  get points(): readonly DebugPoint[] {
    return this.#parts.slots.points;
  }

  breakAt(place: string | VirtAddr): Breakpoint {
    this.#parts.requireOpen();
    const address = this.#addressOf(place);
    requireSupport(this.support, "breakpoints");
    const symbol = typeof place === "string" ? place : undefined;
    return this.#add({ kind: "breakpoint", id: this.#lastId + 1, address, symbol });
  }

  watch(place: string | VirtAddr, options: WatchOptions = {}): Watchpoint {
    this.#parts.requireOpen();
    requireOptions("watch", ["size", "on"], options);
    const { size = 1, on = "write" } = options;
    const address = this.#addressOf(place);
    requireWatchable(address, size, on);
    requireSupport(this.support, "watchpoints");
    return this.#add({ kind: "watchpoint", id: this.#lastId + 1, address, size, on });
  }

  remove(point: DebugPoint): void {
    const { requireOpen, slots, pointsChanged } = this.#parts;
    requireOpen();
    if (!slots.remove(point)) throw badArgument("no breakpoint or watchpoint of this machine", point);
    pointsChanged();
  }

  clear(): void {
    this.#parts.requireOpen();
    for (const point of this.points) this.remove(point);
  }

  #addressOf(place: string | VirtAddr): VirtAddr {
    if (typeof place === "string") return symbolAddress(this.#parts.symbols, place);
    requireLinear(place, "the address");
    return place;
  }

  #add<Point extends DebugPoint>(point: Point): Point {
    Object.freeze(point);
    this.#parts.slots.add(point);
    this.#parts.pointsChanged();
    this.#lastId = point.id;
    return point;
  }
}
