/** Fields of descriptors whose bits lie apart: where they lie as data, and the two routines that read it. */

/**
 * The bits that each field has, in a descriptor taken as one little-endian number: `[lowest bit, how many]`, the field's own
 * lowest bits first.
 */
export type BitFields<Name extends string = string> = Readonly<Record<Name, Pieces>>;

/** The bits of one field. */
export type Pieces = readonly (readonly [at: number, count: number])[];

/** The number that the fields make up. Each value must fit its field. */
export function packFields<Name extends string>(
  fields: BitFields<Name>,
  values: Readonly<Record<Name, bigint>>,
): bigint {
  let packed = 0n;
  for (const name of Object.keys(fields) as Name[]) {
    let rest = values[name];
    for (const [at, count] of fields[name]) {
      packed |= BigInt.asUintN(count, rest) << BigInt(at);
      rest >>= BigInt(count);
    }
  }
  return packed;
}

/** The fields of a number. */
export function unpackFields<Name extends string>(fields: BitFields<Name>, packed: bigint): Record<Name, bigint> {
  const values: Partial<Record<Name, bigint>> = {};
  for (const name of Object.keys(fields) as Name[]) {
    let value = 0n;
    let have = 0n;
    for (const [at, count] of fields[name]) {
      value |= BigInt.asUintN(count, packed >> BigInt(at)) << have;
      have += BigInt(count);
    }
    values[name] = value;
  }
  return values as Record<Name, bigint>;
}

/** The largest value of a field. */
export function largest(pieces: Pieces): bigint {
  return (1n << BigInt(pieces.reduce((sum, [, count]) => sum + count, 0))) - 1n;
}

/** The bits that are set and belong to no field. */
export function strayBits(fields: BitFields, packed: bigint): number[] {
  const all = Object.fromEntries(Object.entries(fields).map(([name, pieces]) => [name, largest(pieces)]));
  const stray = packed & ~packFields(fields, all);
  return Array.from({ length: 128 }, (_, bit) => bit).filter((bit) => ((stray >> BigInt(bit)) & 1n) === 1n);
}
