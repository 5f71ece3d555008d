/** Numbers, characters and strings as they are written in assembly text. */

/** Escapes of one letter. */
const escapes: Readonly<Record<string, number>> = {
  b: 0x08,
  f: 0x0c,
  n: 0x0a,
  r: 0x0d,
  t: 0x09,
  '"': 0x22,
  "'": 0x27,
  "\\": 0x5c,
};

const notations: readonly { readonly pattern: RegExp; readonly digits: (text: string) => string }[] = [
  { pattern: /^0x[\da-f]+$/i, digits: (text) => text },
  { pattern: /^0b[01]+$/i, digits: (text) => text },
  { pattern: /^0[0-7]*$/, digits: (text) => `0o${text}` },
  { pattern: /^[1-9]\d*$/, digits: (text) => text },
];

/** Numbers of more digits are beyond every field, and slow to read. */
const mostDigits = 160;

/** The value of a number: `0x1f`, `0b101`, `017` (octal), `19`; `undefined` where it is none. */
export function readNumber(text: string): bigint | undefined {
  if (text.length > mostDigits) return undefined;
  const notation = notations.find(({ pattern }) => pattern.test(text));
  return notation === undefined ? undefined : BigInt(notation.digits(text));
}

/** How a number that is none should have been written. */
export function hintForNumber(text: string): string {
  const suffixed = /^(\d[\da-f]*)h$/i.exec(text);
  if (suffixed !== null) return `write 0x${suffixed[1]}`;
  if (/^0o[0-7]+$/i.test(text)) return `write 0${text.slice(2)}`;
  if (text.length > mostDigits) return "no field holds so many digits";
  return "numbers are written 0x1f, 0b101, 017 (octal) or 19";
}

const encoder = new TextEncoder();

/**
 * The bytes of a string or a character as it is written between its quotes: other characters in UTF-8, and `\\n`, `\\"`,
 * `\\101` (octal) and `\\x41`. Gives the offset of what is no escape instead.
 */
export function readText(written: string): readonly number[] | { readonly badEscape: number } {
  const bytes: number[] = [];
  for (let at = 0; at < written.length;) {
    if (written[at] !== "\\") {
      const backslash = written.indexOf("\\", at);
      const end = backslash === -1 ? written.length : backslash;
      for (const byte of encoder.encode(written.slice(at, end))) bytes.push(byte);
      at = end;
      continue;
    }
    const [escape, value] = readEscape(written, at);
    if (value === undefined) return { badEscape: at };
    bytes.push(value);
    at += escape;
  }
  return bytes;
}

/** An escape's length and the byte that it stands for. */
function readEscape(written: string, at: number): readonly [number, number | undefined] {
  const rest = written.slice(at + 1, at + 1 + 64);
  const octal = /^[0-7]{1,3}/.exec(rest);
  if (octal !== null) return [1 + octal[0].length, inByte(Number.parseInt(octal[0], 8))];
  const hexadecimal = /^[xX]([\da-fA-F]+)/.exec(rest);
  if (hexadecimal !== null) return [1 + hexadecimal[0].length, inByte(Number.parseInt(hexadecimal[1]!, 16))];
  return [2, escapes[rest[0] ?? ""]];
}

const inByte = (value: number): number | undefined => (value <= 0xff ? value : undefined);

/** The value of a character as it is written, `'a'` or `'\\n`; `undefined` where it is none. */
export function readCharacter(text: string): bigint | undefined {
  const body = text.slice(1);
  const written = body.length > 1 && body.endsWith("'") && body !== "\\'" ? body.slice(0, -1) : body;
  const bytes = readText(written);
  return "badEscape" in bytes || bytes.length !== 1 ? undefined : BigInt(bytes[0]!);
}
