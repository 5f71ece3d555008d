/** What a test expects of an exit, and in what an exit is otherwise. */
import { nearest } from "../core/nearest.ts";
import { show } from "../core/show.ts";
import { exitToText, type TranscriptExit, type TranscriptNotes } from "../kvm/index.ts";
import { fieldsOfKind, recordedFields } from "../kvm/transcript/recorded-fields.ts";
import { badArgument, type TestingError } from "./testing-error.ts";

/** Data as a test writes it: text as UTF-8, bytes, or a register's value. */
type ExpectedData<Data> = Data extends Uint8Array ? string | Uint8Array | readonly number[] : Data;

/**
 * What is expected of an exit: its kind, and those of its fields that matter. `data` may be text.
 *
 * @example
 * ```ts
 * const expected: ExpectedExit[] = [{ kind: "io-out", port: 0xe9, data: "Hello\n" }, "hlt"];
 * ```
 */
export type ExpectedExit =
  | TranscriptExit["kind"]
  | {
      readonly [Kind in TranscriptExit["kind"]]: { readonly kind: Kind } & {
        readonly [Name in Exclude<keyof Extract<TranscriptExit, { readonly kind: Kind }>, "kind">]?: ExpectedData<
          Extract<TranscriptExit, { readonly kind: Kind }>[Name]
        >;
      };
    }[TranscriptExit["kind"]];

type Kind = TranscriptExit["kind"];

/** What the exits of a transcript may have besides the fields of their kind. */
const notes: readonly (keyof TranscriptNotes)[] = ["symbol", "where"];

/**
 * Throws {@link TestingError} for what no exit can be: an expectation that the guest does not do this would always hold.
 *
 * @param taker the matcher's name
 */
export function requireExpected(taker: string, expected: unknown): void {
  if (!Array.isArray(expected)) throw badArgument(`${taker} takes a list of exits, got ${show(expected)}`, expected);
  for (const [i, exit] of expected.entries()) {
    const isObject = typeof exit === "object" && exit !== null;
    const kind: unknown = isObject ? (exit as { readonly kind?: unknown }).kind : exit;
    if (typeof kind !== "string" || !Object.hasOwn(recordedFields, kind)) throw noKind(taker, i, kind);
    const fields = ["kind", ...Object.keys(fieldsOfKind(kind as Kind)), ...notes];
    const unknown = isObject ? Object.keys(exit as object).find((name) => !fields.includes(name)) : undefined;
    if (unknown !== undefined) throw noField(`${taker}: exit ${i}: ${kind}`, unknown, fields);
  }
}

function noKind(taker: string, index: number, kind: unknown): TestingError {
  const kinds = Object.keys(recordedFields);
  const close = typeof kind === "string" ? nearest(kind, kinds) : undefined;
  const hint = close === undefined ? `there is ${kinds.join(", ")}` : `did you mean ${close}?`;
  return badArgument(`${taker}: exit ${index}: no kind of exit: ${show(kind)}`, kind, hint);
}

function noField(exit: string, name: string, fields: readonly string[]): TestingError {
  const close = nearest(name, fields);
  const hint = close === undefined ? `it has ${fields.join(", ")}` : `did you mean ${close}?`;
  return badArgument(`${exit} has no field ${show(name)}`, name, hint);
}

/** Where a run is not the expected one, in words; `undefined` where it is. */
export function exitDifference(
  expected: readonly ExpectedExit[],
  exits: readonly TranscriptExit[],
): string | undefined {
  for (let i = 0; i < Math.max(expected.length, exits.length); i++) {
    const [wanted, exit] = [expected[i], exits[i]];
    if (wanted !== undefined && exit !== undefined && isMatch(wanted, exit)) continue;
    const got = exit === undefined ? "the end" : exitToText(exit);
    return `exit ${i}: expected ${wanted === undefined ? "nothing more" : expectedToText(wanted)}, got ${got}`;
  }
  return undefined;
}

function isMatch(expected: ExpectedExit, exit: TranscriptExit): boolean {
  if (typeof expected === "string") return expected === exit.kind;
  const given = exit as unknown as Readonly<Record<string, unknown>>;
  return Object.entries(expected).every(([name, value]) => isEqual(plain(value), plain(given[name])));
}

/** Bytes and lists as arrays, text that stands for bytes as what it stands for. */
function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? Array.from(value) : value;
}

function isEqual(expected: unknown, actual: unknown): boolean {
  if (!Array.isArray(actual)) return expected === actual;
  const wanted: unknown = typeof expected === "string" ? Array.from(new TextEncoder().encode(expected)) : expected;
  return Array.isArray(wanted) && wanted.length === actual.length && wanted.every((each, i) => each === actual[i]);
}

/** Every field that is given, as an exit of a transcript reads. */
function expectedToText(expected: ExpectedExit): string {
  if (typeof expected === "string") return expected;
  const fields = Object.entries(expected).filter(([name, value]) => name !== "kind" && value !== undefined);
  const words = fields.map(([name, value]) => `${name} ${valueToText(value)}`);
  return [expected.kind, ...words].join(" ");
}

function valueToText(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint") return `0x${value.toString(16)}`;
  if (value instanceof Uint8Array || Array.isArray(value))
    return `[${Array.from(value as number[], valueToText).join(" ")}]`;
  return JSON.stringify(value);
}
