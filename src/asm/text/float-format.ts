/** Floating-point numbers of every width, rounded to the nearest from their decimal text, ties to even (IEEE 754-2019, 4.3.1). */

/** A binary floating-point format. */
export interface FloatFormat {
  /** In bytes. */
  readonly size: number;
  readonly exponentBits: number;
  /** Bits of the fraction, without the one before the point. */
  readonly fractionBits: number;
  /** Whether the one before the point is written: x87's extended format. */
  readonly explicitOne: boolean;
}

/** The formats by the directives that write them. */
export const floatFormats: Readonly<Record<string, FloatFormat>> = {
  ".float": { size: 4, exponentBits: 8, fractionBits: 23, explicitOne: false },
  ".single": { size: 4, exponentBits: 8, fractionBits: 23, explicitOne: false },
  ".double": { size: 8, exponentBits: 11, fractionBits: 52, explicitOne: false },
  ".tfloat": { size: 10, exponentBits: 15, fractionBits: 63, explicitOne: true },
  ".hfloat": { size: 2, exponentBits: 5, fractionBits: 10, explicitOne: false },
  ".bfloat16": { size: 2, exponentBits: 8, fractionBits: 7, explicitOne: false },
};

const decimal = /^(?:0[fFdDeErRxX](?=[-+.\d]))?([-+]?)(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d{1,9}))?$/;
const special = /^([-+]?)(inf(?:inity)?|nan)$/i;
/** More digits than any format can tell apart. */
const mostDigits = 400;

/** The bits of a number; `undefined` where the text is none, "range" where the format has none so large. */
export function readFloat(text: string, format: FloatFormat): bigint | "range" | undefined {
  const named = special.exec(text);
  if (named !== null) {
    const fraction = named[2]!.toLowerCase() === "nan" ? 1n << BigInt(format.fractionBits - 1) : 0n;
    return assemble(named[1] === "-", (1n << BigInt(format.exponentBits)) - 1n, fraction, format);
  }
  const parts = decimal.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = parts;
  if (whole === "" && fraction === "") return undefined;
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  if (digits.length > mostDigits) return undefined;
  if (digits === "") return assemble(sign === "-", 0n, 0n, format);
  const power = Number(exponent) - fraction.length;
  // Far outside of every format: the power of ten itself would be slow to write out.
  if (power + digits.length > 6000) return "range";
  if (power + digits.length < -6000) return assemble(sign === "-", 0n, 0n, format);
  const scale = 10n ** BigInt(Math.abs(power));
  const [numerator, denominator] = power < 0 ? [BigInt(digits), scale] : [BigInt(digits) * scale, 1n];
  return round(sign === "-", numerator, denominator, format);
}

/** The nearest number of the format to a fraction. */
function round(negative: boolean, numerator: bigint, denominator: bigint, format: FloatFormat): bigint | "range" {
  const { exponentBits, fractionBits } = format;
  const bias = 2 ** (exponentBits - 1) - 1;
  // 2^exponent <= value < 2^(exponent + 1)
  let exponent = bitLength(numerator) - bitLength(denominator);
  if (compareWithPower(numerator, denominator, exponent) < 0) exponent--;
  const stored = Math.max(exponent, 1 - bias);
  const shift = BigInt(fractionBits - stored);
  const scaled = shift >= 0n ? [numerator << shift, denominator] : [numerator, denominator << -shift];
  let significand = scaled[0]! / scaled[1]!;
  const twiceRest = (scaled[0]! % scaled[1]!) * 2n;
  if (twiceRest > scaled[1]! || (twiceRest === scaled[1]! && significand % 2n === 1n)) significand++;
  const one = 1n << BigInt(fractionBits);
  let biased = BigInt(stored + bias);
  if (significand >= one * 2n) {
    significand >>= 1n;
    biased++;
  }
  if (significand < one) biased = 0n;
  if (biased >= (1n << BigInt(exponentBits)) - 1n) return "range";
  return assemble(negative, biased, significand % one, format, significand >= one);
}

function assemble(
  negative: boolean,
  exponent: bigint,
  fraction: bigint,
  { exponentBits, fractionBits, explicitOne }: FloatFormat,
  one: boolean = exponent !== 0n,
): bigint {
  const width = BigInt(fractionBits) + (explicitOne ? 1n : 0n);
  const integerBit = explicitOne && one ? 1n << BigInt(fractionBits) : 0n;
  return ((((negative ? 1n : 0n) << BigInt(exponentBits)) | exponent) << width) | integerBit | fraction;
}

const bitLength = (value: bigint): number => value.toString(2).length;

/** The sign of numerator / denominator - 2^exponent. */
function compareWithPower(numerator: bigint, denominator: bigint, exponent: number): number {
  const [a, b] =
    exponent >= 0 ? [numerator, denominator << BigInt(exponent)] : [numerator << BigInt(-exponent), denominator];
  return a < b ? -1 : a > b ? 1 : 0;
}
