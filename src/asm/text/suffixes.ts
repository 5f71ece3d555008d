/**
 * Names with the size of operands at their end, as in AT&T's syntax. GNU as takes them in Intel's syntax too, with `d` for
 * what AT&T's names have `l` for.
 */
import { aliases } from "../instructions/aliases.ts";
import { instructionCodes } from "../instructions/instruction-codes.ts";
import type { Operand } from "../operands/operand-types.ts";
import type { Mode } from "../mode.ts";
import type { Cursor } from "./cursor.ts";
import type { OperandText } from "./operand-text.ts";

/** What of an instruction a name sizes. */
export interface OperandSizes {
  /** In bits. */
  readonly bits: number;
  readonly of: "all" | "first" | "last";
}

interface Row {
  readonly of: OperandSizes["of"];
  readonly suffixes: string;
  readonly names: readonly string[];
  /** Whether 64 bits are no operand of the general registers', so that all modes have them. */
  readonly isX87?: true;
}

const words = (text: string): readonly string[] => text.split(" ");
const namesLike = (pattern: RegExp): readonly string[] =>
  [...Object.keys(instructionCodes), ...Object.keys(aliases)].filter((name) => pattern.test(name));

const rows: readonly Row[] = [
  {
    of: "all",
    suffixes: "bwdq",
    names: words("adc add and cmp cmpxchg dec div idiv imul inc mov mul neg not or sbb sub test xadd xchg xor"),
  },
  { of: "first", suffixes: "bwdq", names: words("rcl rcr rol ror sal sar shl shr") },
  { of: "last", suffixes: "bwdq", names: ["crc32"] },
  { of: "last", suffixes: "bw", names: words("movsx movzx") },
  { of: "first", suffixes: "bwd", names: ["in"] },
  { of: "last", suffixes: "bwd", names: ["out"] },
  { of: "all", suffixes: "b", names: namesLike(/^set(?!ssbsy)/) },
  { of: "all", suffixes: "wdq", names: namesLike(/^cmov/) },
  {
    of: "all",
    suffixes: "wdq",
    names: words("bsf bsr bt btc btr bts lzcnt movbe nop popcnt sldt smsw str tzcnt ud0 ud1"),
  },
  { of: "first", suffixes: "wdq", names: words("lar lea lsl shld shrd") },
  { of: "first", suffixes: "wd", names: words("bound lds les lfs lgs lss") },
  { of: "all", suffixes: "w", names: words("arpl lldt lmsw ltr verr verw") },
  { of: "all", suffixes: "dq", names: words("adcx adox andn bextr blsi blsmsk blsr bswap bzhi movdiri movnti mulx") },
  { of: "all", suffixes: "dq", names: words("pdep pext ptwrite rorx sarx shlx shrx vmread vmwrite") },
  { of: "all", suffixes: "dq", names: words("blcfill blci blcic blcmsk blcs blsfill blsic t1mskc tzmsk") },
  { of: "first", suffixes: "dq", names: words("movmskpd movmskps pmovmskb vmovmskpd vmovmskps vpmovmskb") },
  { of: "first", suffixes: "dq", names: namesLike(/^v?cvtt?s[sd]2si$/) },
  { of: "last", suffixes: "dq", names: namesLike(/^(v?cvtsi2s[sd]|vcvtu?si2s[sdh])$/) },
  { of: "all", suffixes: "wdq", names: words("fild fistp fisttp"), isX87: true },
  { of: "all", suffixes: "wd", names: words("fiadd ficom ficomp fidiv fidivr fimul fist fisub fisubr"), isX87: true },
];

const rowsByName: ReadonlyMap<string, Row> = new Map(rows.flatMap((row) => row.names.map((name) => [name, row])));

const suffixBits: Readonly<Record<string, number>> = { b: 8, w: 16, l: 32, d: 32, q: 64 };

/** What a name with a suffix sizes, and the name without it; `undefined` for other names. */
export function withoutSuffix(
  name: string,
  mode: Mode,
): { readonly stem: string; readonly sizes: readonly OperandSizes[] } | undefined {
  const extension = extensionOf(name, mode);
  if (extension !== undefined) return extension;
  const stem = name.slice(0, -1);
  const suffix = name.slice(-1);
  const row = rowsByName.get(stem);
  if (row === undefined || !row.suffixes.includes(suffix)) return undefined;
  if (suffix === "q" && mode !== 64 && row.isX87 === undefined) return undefined;
  return { stem, sizes: [{ bits: suffixBits[suffix]!, of: row.of }] };
}

/** `movzbq` and its like: the size of the source, then that of the destination, which may be left to its register. */
function extensionOf(name: string, mode: Mode): ReturnType<typeof withoutSuffix> {
  const [, how, from, to] = /^mov(s|z)(b|w|l)([wdq]?)$/.exec(name) ?? [];
  if (how === undefined || from === to || (to === "q" && mode !== 64)) return undefined;
  if (from === "l" && (how === "z" || mode !== 64 || /^[wd]$/.test(to!))) return undefined;
  const sizes: OperandSizes[] = [{ bits: suffixBits[from!]!, of: "last" }];
  if (to !== "") sizes.push({ bits: suffixBits[to!]!, of: "first" });
  return { stem: from === "l" ? "movsxd" : `mov${how}x`, sizes };
}

/** The name without AT&T's `l`, which GNU as does not take in Intel's syntax. */
export function withoutLong(name: string): string | undefined {
  return name.endsWith("l") && rowsByName.get(name.slice(0, -1))?.suffixes.includes("d") === true
    ? name.slice(0, -1)
    : undefined;
}

/** The operands with the sizes that a name gives memory. */
export function withSizes(
  cursor: Cursor,
  name: string,
  texts: readonly OperandText[],
  all: readonly OperandSizes[],
): readonly OperandText[] {
  return all.reduce(
    (operands, { bits, of }) =>
      operands.map((text, i) => {
        const isSized = of === "all" || i === (of === "first" ? 0 : operands.length - 1);
        return isSized ? withSize(cursor, name, text, bits) : text;
      }),
    texts,
  );
}

function withSize(cursor: Cursor, name: string, text: OperandText, bits: number): OperandText {
  const { operand, token } = text;
  const size = sizeOf(operand);
  if (size === undefined || size === bits) return text;
  if (size !== 0)
    throw cursor.error(`${name} is of ${bits} bits, ${whatOf(operand)} of ${size}`, {
      token,
      hint: "leave the size at the end of the name out",
    });
  return { ...text, operand: { ...(operand as Operand & object), size: bits } as Operand };
}

const whatOf = (operand: OperandText["operand"]): string =>
  typeof operand === "object" && operand.kind === "register" ? operand.name : "the memory";

/** The size in bits of memory, 0 where none was written, and of a general register; `undefined` for others. */
function sizeOf(operand: OperandText["operand"]): number | undefined {
  if (typeof operand !== "object") return undefined;
  if (operand.kind === "memory") return operand.size;
  const width = operand.kind === "register" ? /^r(\d+)$/.exec(operand.class)?.[1] : undefined;
  return width === undefined ? undefined : Number(width);
}
