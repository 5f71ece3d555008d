/**
 * The exits of a run on the calling thread. An iterator by hand: the compiler takes its steps apart into the consumer's loop,
 * where a generator would cost as much again as the rest of a step.
 */
import type { Exit } from "../exits/exits.ts";
import { badArgument } from "../kvm-error.ts";
import { dispatchNow, type Dispatch } from "./dispatch.ts";
import { guardAnswers } from "./late-answer.ts";
import { requireOpen, RunLoop, type Runnable } from "./run-loop.ts";
import type { RunPlan } from "./run-options.ts";
import { endsRun } from "./streams.ts";

/** Exit after exit, up to one that ends the run. */
export class SyncExits implements IterableIterator<Exit, void, undefined> {
  readonly #loop: RunLoop;
  readonly #machine: Runnable;
  readonly #maxExits: number;
  readonly #includeHandled: boolean;
  readonly #dispatch: Dispatch | undefined;
  #exits = 0;
  #isStepping = false;
  #isOver = false;
  /** What comes after the exit with which a device ended the run. */
  #last: Exit | undefined;

  constructor(machine: Runnable, { limit, maxExits, includeHandled, dispatch }: RunPlan) {
    this.#loop = new RunLoop(machine, limit, "sync");
    this.#machine = machine;
    this.#maxExits = maxExits;
    this.#includeHandled = includeHandled;
    this.#dispatch = dispatch && guardAnswers(dispatch, machine.late);
  }

  next(): IteratorResult<Exit, void> {
    if (this.#isOver) {
      const last = this.#last;
      this.#last = undefined;
      return last === undefined ? { value: undefined, done: true } : { value: last, done: false };
    }
    this.#requireRest();
    this.#isStepping = true;
    try {
      return { value: this.#step(), done: false };
    } catch (error) {
      this.#end();
      throw error;
    } finally {
      this.#isStepping = false;
    }
  }

  return(): IteratorResult<Exit, void> {
    this.#requireRest();
    this.#end();
    this.#last = undefined;
    return { value: undefined, done: true };
  }

  [Symbol.iterator](): this {
    return this;
  }

  #step(): Exit {
    const dispatch = this.#dispatch;
    for (;;) {
      requireOpen(this.#machine);
      const exit: Exit = this.#exits < this.#maxExits ? this.#loop.step()! : { kind: "exit-limit", exits: this.#exits };
      this.#exits++;
      if (dispatch !== undefined) {
        const outcome = dispatchNow(dispatch, exit);
        if (outcome === "handled") {
          if (this.#includeHandled) return exit;
          continue;
        }
        if (outcome !== "unhandled") {
          this.#end();
          if (!this.#includeHandled) return outcome;
          this.#last = outcome;
          return exit;
        }
      }
      if (endsRun(exit)) this.#end();
      return exit;
    }
  }

  #end(): void {
    this.#isOver = true;
    this.#loop.disarm();
  }

  #requireRest(): void {
    if (this.#isStepping) {
      throw badArgument("the run is under way: what it calls may not step through it", undefined);
    }
  }
}
