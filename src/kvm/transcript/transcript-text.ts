/** Transcripts as text that a person can review. */
import { requireObject } from "../shapes.ts";
import { hex, hexBytes } from "../../core/hex.ts";
import { bitNames } from "../../core/register-bits.ts";
import { fieldsOfKind } from "./recorded-fields.ts";
import { requireTranscript, type Transcript, type TranscriptEnd, type TranscriptExit } from "./transcript.ts";

/**
 * A transcript as text: a line for each exit, more where it has much data; then the registers that are not 0. The same
 * transcript gives the same text.
 *
 * @example
 * ```ts
 * console.log(transcriptToText(transcript));
 * // io-out port 0xe9: "Hello\n"
 * // mmio-write 0x8000: 0x12
 * // hlt
 * //
 * // at guest:loop+0xb
 * //   rip 0x10
 * //   rflags 0x2
 * ```
 */
export function transcriptToText(transcript: Transcript): string {
  requireTranscript("transcriptToText", transcript);
  const { exits, end } = transcript;
  return [...exits.map(exitToText), ...(end === undefined ? [] : ["", ...endLines(end)])].join("\n");
}

function endLines({ registers, where }: TranscriptEnd): readonly string[] {
  const { rip, rflags, ...others } = registers;
  const lines = Object.entries(others).filter(([, value]) => value !== 0n);
  return [
    where === undefined ? "at the end" : `at ${where}`,
    ...[["rip", hex(rip)], ...lines.map(([name, value]) => [name, hex(value)]), ["rflags", flagsToText(rflags)]].map(
      ([name, value]) => `  ${name} ${value}`,
    ),
  ];
}

function flagsToText(value: bigint): string {
  const names = Object.entries(bitNames.rflags).filter(([bit]) => ((value >> BigInt(bit)) & 1n) === 1n);
  return [hex(value), ...names.map(([, name]) => name).reverse()].join(" ");
}

/** An exit in a line, or in several where it has much data. */
export function exitToText(exit: TranscriptExit): string {
  requireObject("the exit", exit);
  const where = exit.where === undefined ? "" : ` at ${exit.where}`;
  switch (exit.kind) {
    case "io-out":
      return `io-out port ${hex(exit.port)}${where}${dataToText(isText(exit) ? textRows(exit.data) : numberRows(exit), exit)}`;
    case "io-in":
      return `io-in port ${hex(exit.port)}${where}${dataToText(numberRows(exit), exit)}`;
    case "mmio-read":
    case "mmio-write":
      return `${exit.kind} ${hex(exit.address)}${named(exit)}${where}${dataToText(numberRows(exit), exit)}`;
    case "rdmsr":
    case "wrmsr":
      return `${exit.kind} ${hex(exit.index)}${named(exit)}${where}: ${hex(exit.data)}${exit.error ? ", #GP" : ""}`;
    default:
      return `${exit.kind}${where}${fieldsToText(exit)}`;
  }
}

function named({ symbol }: TranscriptExit): string {
  return symbol === undefined ? "" : ` (${symbol})`;
}

/** Every field by its name. */
function fieldsToText(exit: TranscriptExit): string {
  const given = exit as unknown as Readonly<Record<string, unknown>>;
  const fields = Object.keys(fieldsOfKind(exit.kind)).flatMap((name) =>
    given[name] === undefined ? [] : [`${name} ${valueToText(given[name])}`],
  );
  return fields.length === 0 ? "" : `: ${fields.join(", ")}`;
}

function valueToText(value: unknown): string {
  if (typeof value === "bigint" || typeof value === "number") return hex(value);
  if (Array.isArray(value)) return `[${value.map(valueToText).join(" ")}]`;
  return value instanceof Uint8Array ? hexBytes(value) : String(value);
}

/** What was read or written, and the size of one access, in bytes. */
interface Data {
  readonly data: Uint8Array;
  readonly size: number;
}

function dataToText(rows: readonly string[], { data }: Data): string {
  return rows.length === 1 ? `: ${rows[0]}` : [`, ${data.length} bytes`, ...rows.map((row) => `  ${row}`)].join("\n");
}

/** Text is printable ASCII, tabs and line ends, byte by byte; it may end with a zero. */
function isText({ data, size }: Data): boolean {
  const end = data.length > 1 && data.at(-1) === 0 ? data.length - 1 : data.length;
  const isCharacter = (byte: number): boolean => (byte >= 0x20 && byte < 0x7f) || [0x09, 0x0a, 0x0d].includes(byte);
  return size === 1 && end > 0 && data.subarray(0, end).every(isCharacter);
}

/** A row for each line. */
function textRows(data: Uint8Array): readonly string[] {
  const text = Array.from(data, (byte) => String.fromCharCode(byte)).join("");
  return text.split(/(?<=\n)(?!\0?$)/).map((line) => JSON.stringify(line).replace("\\u0000", "\\0"));
}

/** How many numbers stand in a row. */
const rowCount = 16;

/** Numbers of the size of an access. */
function numberRows({ data, size }: Data): readonly string[] {
  const numbers = Array.from({ length: Math.ceil(data.length / size) }, (_, i) => {
    const bytes = Array.from(data.subarray(i * size, (i + 1) * size)).reverse();
    return `0x${hexBytes(bytes, "")}`;
  });
  if (numbers.length === 0) return ["nothing"];
  return Array.from({ length: Math.ceil(numbers.length / rowCount) }, (_, i) =>
    numbers.slice(i * rowCount, (i + 1) * rowCount).join(" "),
  );
}
