/** What the directives share that decide which statements are read, and how often. */
import type { Cursor } from "./cursor.ts";
import type { Flow } from "./flow.ts";
import type { Token } from "./tokenizer.ts";

/** A directive that is being read: its arguments come next. */
export interface FlowDirective {
  readonly flow: Flow;
  readonly cursor: Cursor;
  /** In lower case, with its point. */
  readonly name: string;
  readonly token: Token;
}

/** Reads a directive's arguments and does what it says. */
export type FlowReader = (directive: FlowDirective) => void;
