/** Names with the size of operands at their end: which GNU as takes with which operands, both ways. */
import { hexBytes } from "guestwright";
import { assembleText } from "guestwright/asm";
import { describe, expect, test } from "vitest";
import { gnuAssemble, gnuDisassemble, gnuMissing } from "../gnu.ts";

const missing = gnuMissing();

const names = [
  ...["mov", "add", "and", "cmp", "cmpxchg", "dec", "imul", "inc", "mul", "neg", "not", "sub", "test", "xadd", "xchg"],
  ...[
    "rol",
    "sal",
    "sar",
    "shr",
    "crc32",
    "movsx",
    "movzx",
    "in",
    "out",
    "setc",
    "sete",
    "cmovl",
    "cmovne",
    "bsf",
    "bt",
  ],
  ...["bts", "lzcnt", "popcnt", "movbe", "nop", "lea", "str", "lldt", "verr", "adcx", "andn", "bextr", "bswap", "bzhi"],
  ...[
    "mulx",
    "pdep",
    "rorx",
    "sarx",
    "ptwrite",
    "movnti",
    "movmskpd",
    "vpmovmskb",
    "cvtsd2si",
    "vcvttss2si",
    "cvtsi2sd",
  ],
  ...["vcvtsi2ss", "fild", "fistp", "fiadd", "ficomp", "movsb", "movzb", "movzw", "movsl", "push", "pop"],
  ...["lgdt", "sidt", "fxsave", "xrstor", "jmp", "call", "blsi"],
];

const registers = { b: ["al", "cl"], w: ["ax", "bx"], d: ["eax", "ebx"], q: ["rax", "rbx"] } as const;
const sizes = { b: "byte", w: "word", d: "dword", q: "qword" } as const;
const suffixes = ["b", "w", "d", "q", "l"] as const;

/** Operands with registers and memory of each size, and of two sizes at once. */
function operandLists(): readonly string[] {
  const lists = [
    "5",
    "[rbx]",
    "[rbx], 5",
    "[rbx], cl",
    "xmm1, [rbx]",
    "xmm1, xmm2, [rbx]",
    "rax, eax",
    "rax, al",
    "ax, al",
  ];
  for (const size of ["b", "w", "d", "q"] as const) {
    const [a, b] = registers[size];
    const memory = `${sizes[size]} ptr [rbx]`;
    lists.push(a, `${a}, ${b}`, `${a}, 5`, `${a}, [rbx]`, `[rbx], ${a}`, `${a}, ${b}, 5`, `${a}, ${b}, [rbx]`);
    lists.push(`${a}, [rbx], ${b}`, `${a}, xmm1`, `xmm1, ${a}`, `xmm1, xmm2, ${a}`, `${a}, [rbx], 5`);
    lists.push(memory, `${memory}, 5`, `eax, ${memory}`, `rax, ${memory}`);
  }
  return lists;
}

/**
 * What is known to be otherwise, each with the reason. The manual's names come first: MOVSB and MOVSW are string
 * instructions, MOVD and MOVSXD are as they stand. GNU as takes sizes that the name does not have (`crc32q rax, al`), and memory of 10 bytes alone where a structure has no size. Near branches of 16 bits are AMD's
 * alone; a branch's number is an address here; IN and OUT name the accumulator; LGDTD has one meaning in all modes. STR and
 * MOVMSKPD write the same with REX.W and without.
 */
const others =
  /^(movs[bw]|movd|movsxd|(call|jmp)w|(lgdt|sidt)d) |^(crc32q \w+, .l|(in|out). 5|jmpq 5|xrstorq \w+ ptr|(str|v?p?movmsk..?)q rax)/;

describe.skipIf(missing !== undefined)(`against GNU as${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  test("each name takes the same operands with the same suffixes", { timeout: 120_000 }, async () => {
    const lists = operandLists();
    const statements = names
      .flatMap((name) => suffixes.flatMap((suffix) => lists.map((operands) => `${name}${suffix} ${operands}`)))
      .filter((statement) => !others.test(statement));
    const gnu = gnuAssemble(64, statements);
    const wrong: string[] = [];
    const different: { readonly statement: string; readonly gnu: Uint8Array; readonly ours: Uint8Array }[] = [];
    let accepted = 0;
    for (const [i, statement] of statements.entries()) {
      const ours = await assembleText(64, statement).then(
        ({ bytes }) => bytes,
        () => undefined,
      );
      const theirs = gnu[i];
      if (theirs !== undefined) accepted++;
      if ((ours === undefined) !== (theirs === undefined))
        wrong.push(`${statement}: ${ours === undefined ? "GNU as takes it" : "GNU as refuses it"}`);
      else if (hexBytes(ours ?? new Uint8Array()) !== hexBytes(theirs ?? new Uint8Array()))
        different.push({ statement, gnu: theirs!, ours: ours! });
    }
    const read = gnuDisassemble(
      64,
      different.flatMap((each) => [each.gnu, each.ours]),
    );
    wrong.push(
      ...different
        .filter((_, i) => read[2 * i] !== read[2 * i + 1])
        .map((each) => `${each.statement}: GNU ${hexBytes(each.gnu)}, ours ${hexBytes(each.ours)}`),
    );
    expect(wrong).toEqual([]);
    expect(accepted).toBeGreaterThan(500);
  });
});
