/** Goes through a transcript beside a run. Pure but for the answers, which it writes into the exits. */
import { hex } from "../../core/hex.ts";
import { isAnswerable } from "../exits/answer-exit.ts";
import type { AnswerableExit, Exit } from "../exits/exits.ts";
import { recordExit } from "./recording.ts";
import { answerFields, fieldsOfKind, hostKinds } from "./recorded-fields.ts";
import { exitToText } from "./transcript-text.ts";
import type { Transcript, TranscriptExit } from "./transcript.ts";

/** Where a run first differs from a transcript. */
export interface ReplayDifference {
  /** The index of the transcript's exit; their number where the registers at the end differ. */
  readonly index: number;
  /** What the transcript has there; `undefined` at its end. */
  readonly expected: TranscriptExit | undefined;
  /** What the guest did; `undefined` where only registers differ. */
  readonly actual: TranscriptExit | undefined;
  /** All of this in words. */
  readonly message: string;
  /**
   * The place of the instruction that the guest did it with, such as `guest:loop+0x2 (guest.ts:14)`; `undefined` where only
   * registers differ. `machine.explain(difference.actual)` says more, where the run ended badly.
   */
  readonly where: string | undefined;
}

/** The next exit that a run has to come to. */
export class ReplayCursor {
  readonly #exits: readonly TranscriptExit[];
  readonly #placeOf: (exit: Exit) => string;
  #index = 0;
  /** How many bytes of a port's data the guest has read or written already. */
  #offset = 0;
  #difference: ReplayDifference | undefined;

  /** @param placeOf the place of the instruction that an exit came from, right after it came */
  constructor({ exits }: Transcript, placeOf: (exit: Exit) => string) {
    this.#exits = exits;
    this.#placeOf = placeOf;
    this.#skipHost();
  }

  get difference(): ReplayDifference | undefined {
    return this.#difference;
  }

  /** Whether there is nothing more to compare. */
  get isOver(): boolean {
    return this.#difference !== undefined || this.#index >= this.#exits.length;
  }

  /** Compares an exit, and answers it where it is the one that is expected. */
  take(exit: Exit): void {
    const expected = this.#exits[this.#index]!;
    const actual = recordExit(exit);
    const problem = isSame(expected, actual)
      ? this.#problemOfData(expected, actual)
      : this.#otherwise(expected, actual);
    if (problem !== undefined) return this.#end(expected, actual, exit, problem);
    if (isAnswerable(exit)) answer(exit, expected, this.#offset);
    if (!isOfPort(expected) || !isOfPort(actual)) return this.#next();
    const left = expected.data.length - this.#offset;
    this.#offset += actual.data.length;
    if (actual.data.length >= left) this.#next();
    if (actual.data.length <= left) return;
    // KVM may have joined what goes beyond with what was expected.
    const more = { ...actual, data: actual.data.subarray(left) };
    const following = this.#exits[this.#index];
    this.#end(following, more, exit, this.#otherwise(following, more));
  }

  #end(expected: TranscriptExit | undefined, actual: TranscriptExit, exit: Exit, problem: string): void {
    const message = `exit ${this.#index}: ${problem}`;
    this.#difference = { index: this.#index, expected, actual, message, where: this.#placeOf(exit) };
  }

  #next(): void {
    this.#offset = 0;
    this.#index++;
    this.#skipHost();
  }

  #skipHost(): void {
    while (this.#index < this.#exits.length && hostKinds.has(this.#exits[this.#index]!.kind)) this.#index++;
  }

  #otherwise(expected: TranscriptExit | undefined, actual: TranscriptExit): string {
    const wanted = expected === undefined ? "nothing more" : exitToText(expected);
    const progress = this.#offset === 0 ? "" : ` after ${this.#offset} of its bytes`;
    return `expected ${wanted}, got ${exitToText(actual)}${progress}`;
  }

  /** What is written to a port may come in other parts than it came before. */
  #problemOfData(expected: TranscriptExit, actual: TranscriptExit): string | undefined {
    if (expected.kind !== "io-out" || actual.kind !== "io-out") return undefined;
    const wanted = expected.data.subarray(this.#offset);
    const at = actual.data.findIndex((byte, i) => i < wanted.length && byte !== wanted[i]);
    if (at === -1) return undefined;
    const byte = `byte ${this.#offset + at} is ${hex(actual.data[at]!, 2)}, not ${hex(wanted[at]!, 2)}`;
    return `expected ${exitToText(expected)}, but ${byte}`;
  }
}

/** Exits whose data may come in several parts. */
type PortExit = Extract<TranscriptExit, { readonly kind: "io-out" | "io-in" }>;

function isOfPort(exit: TranscriptExit): exit is PortExit {
  return exit.kind === "io-out" || exit.kind === "io-in";
}

/** Whether two exits are the same but for their answers, and for the data of a port. */
function isSame(expected: TranscriptExit, actual: TranscriptExit): boolean {
  if (expected.kind !== actual.kind) return false;
  const [was, is] = [expected, actual] as unknown as Readonly<Record<string, unknown>>[];
  const answers: readonly string[] =
    actual.kind in answerFields ? answerFields[actual.kind as AnswerableExit["kind"]] : [];
  return Object.keys(fieldsOfKind(actual.kind)).every(
    (name) => answers.includes(name) || (name === "data" && isOfPort(actual)) || areEqual(was![name], is![name]),
  );
}

function areEqual(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array)
    return a.length === b.length && a.every((byte, i) => byte === b[i]);
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((each, i) => each === b[i]);
  return a === b;
}

function answer(exit: AnswerableExit, expected: TranscriptExit, offset: number): void {
  const given = expected as unknown as Readonly<Record<string, unknown>>;
  const taken = exit as unknown as Record<string, unknown>;
  for (const name of answerFields[exit.kind]) {
    const [from, to] = [given[name], taken[name]];
    if (from instanceof Uint8Array && to instanceof Uint8Array) to.set(from.subarray(offset, offset + to.length));
    else taken[name] = from;
  }
}
