/**
 * How long the guest has run, in milliseconds. Reading a clock twice an exit costs 5% of a port write, so it is done for
 * every stay in the guest only where stays are long or few; where they are many and short, one in sixteen stands for all.
 */

/** So many stays are timed, each, at the start, after a long one, and after a tick: a tick in a stay shows it to be long. */
const TIMED_IN_A_ROW = 64;

/** Then one stay in so many is timed. */
const STRIDE = 16;

/** A stay longer than this, in milliseconds, stands for itself alone. */
const LONG = 1;

/** The guest's own clock: it stands still outside of {@link enter} and {@link leave}. */
export class GuestClock {
  /** Milliseconds in the guest so far. Too small by at most one period of the ticker for each tick. */
  elapsed = 0;
  #inARow = TIMED_IN_A_ROW;
  #untimed = 0;
  #isTimed = false;
  #start = 0;

  /** The guest is about to run. */
  enter(): void {
    this.#isTimed = this.#inARow > 0 || ++this.#untimed === STRIDE;
    if (this.#isTimed) this.#start = performance.now();
  }

  /** The guest has stopped. */
  leave(): void {
    if (!this.#isTimed) return;
    const stay = performance.now() - this.#start;
    if (stay > LONG) this.#inARow = TIMED_IN_A_ROW + 1;
    this.elapsed += this.#inARow > 0 ? stay : stay * STRIDE;
    if (this.#inARow > 0) this.#inARow--;
    this.#untimed = 0;
  }

  /** The ticker called the guest back: time has passed. */
  tick(): void {
    this.#inARow = TIMED_IN_A_ROW;
  }
}
