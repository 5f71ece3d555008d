/** What a test expects of an exit, and in what an exit is otherwise. */
import { exitToText, type TranscriptExit } from "../kvm/index.ts";

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
