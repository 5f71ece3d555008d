/** How values are read from the words of a command line. */
import { toBytes } from "../../core/units.ts";

/** A kind of value. */
export interface Reader<Value> {
  /** What stands for the value in help: `ADDRESS`. */
  readonly name: string;
  /** What it must be, for messages: `an address such as 0x1000`. */
  readonly expected: string;
  /** The words that it can be, where these are few. */
  readonly names?: readonly string[];
  /** What to write instead of words that others have for it. */
  readonly hints?: Readonly<Record<string, string>>;
  /** The value; `undefined` for a word that is none. */
  read(word: string): Value | undefined;
}

/** A whole number: decimal, or hexadecimal with `0x`. */
function wholeNumber(word: string): bigint | undefined {
  return /^(\d+|0x[\da-f]+)$/i.test(word) ? BigInt(word) : undefined;
}

/** Any text but none. @param expected what it is, for messages */
export function text(name: string, expected: string): Reader<string> {
  return { name, expected, read: (word) => (word === "" ? undefined : word) };
}

/** The path of a file. */
export const file: Reader<string> = text("FILE", "the path of a file");

/** One of a few words. @param hints what to write instead of words that others have for it */
export function oneOf<const Name extends string>(
  name: string,
  names: readonly Name[],
  hints: Readonly<Record<string, string>> = {},
): Reader<Name> {
  return {
    name,
    names,
    hints,
    expected: `one of ${names.join(", ")}`,
    read: (word) => names.find((each) => each === word),
  };
}

/** A guest address or a size, in bytes: 0 to 2^64 - 1. */
export const address: Reader<bigint> = {
  name: "ADDRESS",
  expected: "an address such as 0x1000, 4096 or 4KiB",
  read: (word) => {
    const value = wholeNumber(word) ?? toBytes(word);
    return value !== undefined && value < 1n << 64n ? value : undefined;
  },
};

/** Some memory: where it begins, and its size in bytes. */
export interface MemoryRange {
  readonly at: bigint;
  readonly size: bigint;
}

/** Where physical addresses end: they have at most 52 bits (SDM vol. 3A, 4.1.4). */
const PHYSICAL_END = 1n << 52n;

/** A range of physical addresses. */
export const memoryRange: Reader<MemoryRange> = {
  name: "RANGE",
  expected: "an address and a size of whole pages below 2^52 such as 0x100000+1MiB",
  read: (word) => {
    const [first, second, ...others] = word.split("+").map((part) => pages.read(part));
    if (first === undefined || second === undefined || second === 0n || others.length > 0) return undefined;
    if (first + second > PHYSICAL_END) return undefined;
    return { at: first, size: second };
  },
};

/** A port: 0 to 0xffff. */
export const port: Reader<number> = {
  name: "PORT",
  expected: "a port, 0 to 0xffff",
  read: (word) => {
    const value = wholeNumber(word);
    return value !== undefined && value <= 0xffff ? Number(value) : undefined;
  },
};

/** A size of whole pages: 0, or a multiple of 4096. */
export const pages: Reader<bigint> = {
  name: "SIZE",
  expected: "a size of whole pages such as 64KiB, 0x10000 or 0",
  read: (word) => {
    const value = address.read(word);
    return value !== undefined && value % 4096n === 0n ? value : undefined;
  },
};

/** A count: 1 to 2^53 - 1. */
export const count: Reader<number> = {
  name: "COUNT",
  expected: "a whole number above 0",
  read: (word) => {
    const value = Number(wholeNumber(word) ?? 0n);
    return Number.isSafeInteger(value) && value > 0 ? value : undefined;
  },
};

/** A span of time with its unit, as a run's deadline takes it. */
export type DurationText = `${number}${"us" | "ms" | "s"}`;

/** A span of time above 0; `none` for no end. */
export const duration: Reader<DurationText | number> = {
  name: "TIME",
  expected: "a span of time such as 50ms or 1s, or none",
  read: (word) => {
    if (word === "none") return Number.POSITIVE_INFINITY;
    const parts = /^(\d+(?:\.\d+)?)(us|ms|s)$/.exec(word);
    return parts !== null && Number(parts[1]) > 0 ? (word as DurationText) : undefined;
  },
};
