/**
 * How long the guest has run, in milliseconds. Reading a clock twice an exit costs 5% of a port write, so it is done for
 * every stay in the guest only where stays are long or few; where they are many and short, one in so many stands for all.
 */

/** So many stays are timed, each, at the start and after a tick: a tick in a stay shows it to be long. */
const TIMED_IN_A_ROW = 64;

/** So many stays are timed, each, for each millisecond of a long one, which pays for it: they take a twentieth of its time. */
const TIMED_FOR_LONG = 100;

/** Then one stay in so many is timed: fewer where there are enough of them until the end, at {@link SLOW_LIMIT} ms. */
const STRIDE = 16;
const SLOW_STRIDE = 64;
const SLOW_LIMIT = 1000;

/** A stay longer than this, in milliseconds, stands for itself alone. */
const LONG = 1;

/** The guest's own clock: it stands still outside of {@link enter} and {@link leave}. */
export class GuestClock {
  /** Milliseconds in the guest so far. Too small by at most one period of the ticker for each tick. */
  elapsed = 0;
  /** Whether the guest has run for as long as it may. A number is an object by itself, this is none: it is asked for at each exit. */
  isOver: boolean;
  readonly #limit: number;
  readonly #stride: number;
  #inARow = TIMED_IN_A_ROW;
  #untimed = 0;
  #isTimed = false;
  #start = 0;

  /** @param limit how long the guest may run, in milliseconds */
  constructor(limit: number) {
    this.#limit = limit;
    this.isOver = limit <= 0;
    this.#stride = limit < SLOW_LIMIT ? STRIDE : SLOW_STRIDE;
  }

  /** The guest is about to run. */
  enter(): void {
    this.#isTimed = this.#inARow > 0 || ++this.#untimed === this.#stride;
    if (this.#isTimed) this.#start = performance.now();
  }

  /** The guest has stopped. */
  leave(): void {
    if (!this.#isTimed) return;
    const stay = performance.now() - this.#start;
    if (stay > LONG) this.#inARow = Math.max(this.#inARow, Math.ceil(stay * TIMED_FOR_LONG));
    this.elapsed += this.#inARow > 0 ? stay : stay * this.#stride;
    this.isOver = this.elapsed >= this.#limit;
    if (this.#inARow > 0) this.#inARow--;
    this.#untimed = 0;
  }

  /** The ticker called the guest back: time has passed. */
  tick(): void {
    this.#inARow = Math.max(this.#inARow, TIMED_IN_A_ROW);
  }
}
