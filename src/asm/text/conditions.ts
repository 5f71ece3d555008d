/** The conditions that are open, and whether statements are read by them. */
import type { Cursor } from "./cursor.ts";
import type { Token } from "./tokenizer.ts";

interface Condition {
  readonly opening: Cursor;
  readonly token: Token;
  /** Whether what stands around it is read. */
  readonly outer: boolean;
  /** Whether what stands here is read. */
  active: boolean;
  /** Whether a branch was read, so that no other is. */
  done: boolean;
  sawElse: boolean;
}

/** Conditions inside of one another. */
export class Conditions {
  readonly #open: Condition[] = [];
  #areActive = true;

  /** Whether statements are read here. */
  get areActive(): boolean {
    return this.#areActive;
  }

  /** How many are open. */
  get depth(): number {
    return this.#open.length;
  }

  /** Opens one; `holds` is asked only where statements are read. */
  open(opening: Cursor, token: Token, holds: () => boolean): void {
    const outer = this.#areActive;
    const active = outer && holds();
    this.#open.push({ opening, token, outer, active, done: active, sawElse: false });
    this.#areActive = active;
  }

  /** Goes on to another branch. */
  branch(cursor: Cursor, token: Token, holds: (() => boolean) | undefined): void {
    const last = this.#last(cursor, token);
    if (last.sawElse) throw cursor.error(`${token.text.toLowerCase()} follows .else`, { token });
    last.sawElse = holds === undefined;
    last.active = last.outer && !last.done && (holds?.() ?? true);
    last.done ||= last.active;
    this.#areActive = last.active;
  }

  close(cursor: Cursor, token: Token): void {
    this.#areActive = this.#last(cursor, token).outer;
    this.#open.pop();
  }

  /** Closes all but the outermost `depth`. */
  closeTo(depth: number): void {
    while (this.#open.length > depth) this.#areActive = this.#open.pop()!.outer;
  }

  /** Throws unless all but the outermost `depth` are closed. */
  checkClosed(depth: number): void {
    const last = this.#open.at(-1);
    if (last !== undefined && this.#open.length > depth)
      throw last.opening.error(`${last.token.text.toLowerCase()} has no .endif`, { token: last.token });
  }

  #last(cursor: Cursor, token: Token): Condition {
    const last = this.#open.at(-1);
    if (last === undefined) throw cursor.error(`${token.text.toLowerCase()} has no .if before it`, { token });
    return last;
  }
}
