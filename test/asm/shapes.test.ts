/** Instructions that share an encoding, their numbers filled in by the linker, against each encoded by itself. */
import { hexBytes } from "guestwright";
import type { AnyCode, Mode, Operand } from "guestwright/asm";
import { AsmError, assemble, code16, code32, code64 } from "guestwright/asm";
import { expect, test } from "vitest";
import type { InstructionNode } from "../../src/asm/builder/node.ts";
import { Encoder } from "../../src/asm/encode/encode.ts";
import { loadIced } from "../../src/asm/encode/iced.ts";
import { loadKeystone } from "../../src/asm/encode/keystone.ts";
import { plan } from "../../src/asm/encode/plan.ts";
import { FormTable } from "../../src/asm/instructions/form-table.ts";
import { corpus, type Statement } from "./corpus.ts";

type Builder = AnyCode & Readonly<Record<string, (...operands: Operand[]) => Builder>>;

const starts = { 16: code16, 32: code32, 64: code64 } as unknown as Readonly<Record<Mode, () => Builder>>;

/** Numbers on both sides of each place where an encoding may change, and some between. */
const numbers: readonly bigint[] = [
  ...[7n, 8n, 15n, 16n, 31n, 32n, 63n, 64n].flatMap((bits) =>
    [0n, -1n << 7n, -1n << 15n, -1n << 31n].flatMap((below) =>
      [-1n, 0n, 1n].flatMap((near) => [(1n << bits) + below + near, -(1n << bits) - below + near]),
    ),
  ),
  ...Array.from({ length: 20 }, (_, i) => BigInt(i - 4)),
  ...[0x42n, 0xc3n, 0x1234n, 0x5678_9abcn, 0x1234_5678_9abc_def0n],
];

/** A statement with another number in the place of each that it has. */
function withNumber({ mnemonic, operands }: Statement, number: bigint): readonly Operand[] | undefined {
  const changed = operands.map((operand): Operand => {
    if (typeof operand === "bigint") return number;
    const isMemory = typeof operand === "object" && operand.kind === "memory";
    return isMemory && typeof operand.displacement === "bigint" ? { ...operand, displacement: number } : operand;
  });
  return mnemonic === "enter" || changed.every((each, i) => each === operands[i]) ? undefined : changed;
}

/** One statement of each kind: every form, with each kind of address. */
function kinds(statements: readonly Statement[]): Statement[] {
  const kind = ({ mnemonic, operands }: Statement): string => {
    const words = operands.map((each) => {
      if (typeof each !== "object") return typeof each;
      if (each.kind === "register") return each.class;
      return each.kind === "memory" ? `${each.size} ${each.segment} ${each.base} ${each.index}` : each.kind;
    });
    return `${mnemonic} ${words.join()}`;
  };
  return [...new Map(statements.map((each) => [kind(each), each])).values()];
}

function nodeOf(mode: Mode, mnemonic: string, operands: readonly Operand[]): InstructionNode {
  return starts[mode]()[mnemonic]!(...operands).nodes[0] as InstructionNode;
}

function isInRange(table: FormTable, node: InstructionNode): boolean {
  try {
    return plan(table, node).length > 0;
  } catch (error) {
    if (error instanceof AsmError && error.code === "OUT_OF_RANGE") return false;
    throw error;
  }
}

/** Every so many kinds are tried: `SHAPES=1` tries all, which takes minutes. */
const step = Number(process.env["SHAPES"] ?? 97);

test.each([16, 32, 64] as const)(
  "instructions of %i-bit code that differ in numbers alone come out as if each were encoded by itself",
  { timeout: 600_000 },
  async (mode) => {
    const iced = await loadIced();
    const table = new FormTable(iced);
    const chosen = kinds(corpus(table, mode)).filter((_, i) => i % step === 0);
    const statements = chosen
      .flatMap((statement) => numbers.map((number) => ({ ...statement, operands: withNumber(statement, number) })))
      .flatMap(({ mnemonic, operands }) => (operands === undefined ? [] : [{ mnemonic, operands }]))
      .filter(({ mnemonic, operands }) => isInRange(table, nodeOf(mode, mnemonic, operands)));
    const alone = await new Encoder(iced, loadKeystone).encode(
      statements.map(({ mnemonic, operands }) => plan(table, nodeOf(mode, mnemonic, operands))[0]!),
    );
    const expected = alone.filter((each) => each !== undefined);
    const code = statements
      .filter((_, i) => alone[i] !== undefined)
      .reduce((before, { mnemonic, operands }) => before[mnemonic]!(...operands), starts[mode]());
    const { listing } = await assemble(code as never);
    const different = listing.flatMap(({ text, bytes, writer }, i) => {
      const [here, there] = [
        `${hexBytes(bytes)} by ${writer}`,
        `${hexBytes(expected[i]!.bytes)} by ${expected[i]!.writer}`,
      ];
      return here === there ? [] : [`${text}: ${here}, alone ${there}`];
    });
    expect(different).toEqual([]);
    expect(listing.length).toBeGreaterThan(1_000);
  },
);
