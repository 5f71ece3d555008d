/** Exits as a person reads them: a line each, its kind, what it is about, and why the guest ended with it. */
import { hex, hexBytes } from "../../core/hex.ts";
import type { Exit, Finding } from "../../kvm/index.ts";

/** What a line says of an exit, besides its kind. */
type Telling<Kind extends Exit["kind"]> = (exit: Extract<Exit, { readonly kind: Kind }>) => string;

/** What is told of the exits that guests have every day; of the others, every field. */
const tellings: { readonly [Kind in Exit["kind"]]?: Telling<Kind> } = {
  "io-out": ({ port, data }) => `port ${hex(port)} <- ${bytesToText(data)}`,
  "io-in": ({ port, data }) => `port ${hex(port)} -> ${bytesToText(data)}`,
  "mmio-write": ({ address, data }) => `${hex(address)} <- ${bytesToText(data)}`,
  "mmio-read": ({ address, data }) => `${hex(address)} -> ${bytesToText(data)}`,
  timeout: ({ elapsed }) => `after ${Math.round(elapsed)} ms of the guest's time`,
  "internal-error": ({ name, text }) => (name === undefined ? text : `${name}, ${text}`),
  "fail-entry": ({ text }) => text,
};

/** The most bytes that a line shows. */
const MOST_BYTES = 16;

/** Bytes in hexadecimal, and as text where all of them are. */
function bytesToText(bytes: Uint8Array): string {
  const shown = bytes.subarray(0, MOST_BYTES);
  const more = bytes.length > MOST_BYTES ? ` … (${bytes.length} bytes)` : "";
  const isText = shown.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 0x0a);
  const text = isText ? ` ${JSON.stringify(String.fromCharCode(...shown))}` : "";
  return `${hexBytes(shown)}${text}${more}`;
}

/** What an exit is about, in one line; empty where its kind says it all. */
export function tellExit(exit: Exit): string {
  const telling = tellings[exit.kind] as ((exit: Exit) => string) | undefined;
  if (telling !== undefined) return telling(exit);
  return Object.entries(exit)
    .filter(([name, value]) => name !== "kind" && value !== undefined)
    .map(([name, value]) => `${name} ${valueToText(value)}`)
    .join(", ");
}

function valueToText(value: unknown): string {
  if (value instanceof Uint8Array) return hexBytes(value);
  if (typeof value === "bigint") return hex(value);
  return Array.isArray(value) ? `[${value.map(valueToText).join(" ")}]` : String(value);
}

/** Why a guest ended badly: a line each, below the exit, and below it what to do. */
export function tellFindings(findings: readonly Pick<Finding, "text" | "hint">[]): string {
  return findings.map(({ text, hint }) => `  ${text}\n${hint === undefined ? "" : `    hint: ${hint}\n`}`).join("");
}
