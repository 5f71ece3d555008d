/** Directives that write numbers in as few bytes as they need, seven bits in each: LEB128, DWARF 5, 7.6. */
import type { Directive, DirectiveReader } from "./directive.ts";
import { constantOf, list } from "./directive.ts";

/** The directives of this file. */
export const leb128Directives: Readonly<Record<string, DirectiveReader>> = {
  ".uleb128": (directive) => readNumbers(directive, false),
  ".sleb128": (directive) => readNumbers(directive, true),
};

function readNumbers({ program, cursor, name, token: directive }: Directive, isSigned: boolean): void {
  const { site } = cursor;
  const bytes = list(cursor, () => {
    const token = cursor.peek();
    const value = constantOf(program, cursor, "the number");
    if (!isSigned && value < 0n) throw cursor.error(`${name} holds no negative number, got ${value}`, { token });
    return leb128(value, isSigned);
  }).flat();
  if (program.section.isZero && bytes.some((byte) => byte !== 0))
    throw cursor.error(`the section ${program.section.name} holds zeros only`, { token: directive });
  program.add({ kind: "bytes", bytes: Uint8Array.from(bytes), text: cursor.textFrom(0), site });
}

/** A number, its lowest bits first; all bytes but the last have bit 7. */
function leb128(value: bigint, isSigned: boolean): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    const last = isSigned ? BigInt.asIntN(7, rest) : BigInt.asUintN(7, rest);
    if (last === rest) return [...bytes, Number(BigInt.asUintN(7, rest))];
    bytes.push(Number(BigInt.asUintN(7, rest)) | 0x80);
  }
}
