/** Statements of text against GNU as: those that people write, and the whole corpus of the instruction table. */
import { hexBytes } from "guestwright";
import type { Mode } from "guestwright/asm";
import { assembleText, code16, code32, code64 } from "guestwright/asm";
import { describe, expect, test } from "vitest";
import { FormTable } from "../../../src/asm/instructions/form-table.ts";
import { loadIced } from "../../../src/asm/encode/iced.ts";
import type { Node } from "../../../src/asm/builder/node.ts";
import { readText } from "../../../src/asm/text/read-text.ts";
import { WrittenText } from "../../../src/asm/text/source-text.ts";
import { corpus, type Statement } from "../corpus.ts";
import { gnuAssemble, gnuDisassemble, gnuMissing, gnuProgram } from "../gnu.ts";
import { handWritten } from "./hand-written.ts";

const missing = gnuMissing();
const modes = [16, 32, 64] as const;
const starts = { 16: code16, 32: code32, 64: code64 } as const;

/** The bytes of one statement, or the message of the error. */
async function assembled(mode: Mode, statement: string): Promise<Uint8Array | string> {
  try {
    return (await assembleText(mode, statement)).bytes;
  } catch (error) {
    return (error as Error).message;
  }
}

/** What objdump reads, but that a selector has 16 bits in a register of any width. */
const meaning = (text: string): string => text.replace(/^str rax$/, "str eax").replace(/^mov ds,eax$/, "mov ds,ax");

/** What a statement became, without where it was written; DS is the default where no register is in the address. */
function written(nodes: readonly Node[]): string {
  return JSON.stringify(nodes, (key, value: unknown) => {
    if (key === "site" || (key === "segment" && value === "ds")) return undefined;
    return typeof value === "bigint" ? `${value}n` : value;
  });
}

function built(mode: Mode, { mnemonic, operands }: Statement): string {
  const code = starts[mode]() as unknown as Record<string, (...operands: unknown[]) => { nodes: readonly Node[] }>;
  return written(code[mnemonic]!(...operands).nodes);
}

describe.skipIf(missing !== undefined)(`against GNU as${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  test.each(modes)("%i-bit statements written by hand", { timeout: 120_000 }, async (mode) => {
    const all = handWritten(mode);
    // Of several statements in one line GNU as is asked alone.
    const isOne = (each: string): boolean => !/[;\n=]/.test(each);
    const single = all.filter(isOne);
    const bytes = gnuAssemble(mode, single);
    const gnu = [
      ...single.map((each, i) => [each, bytes[i]] as const),
      ...all.filter((each) => !isOne(each)).map((each) => [each, gnuProgram(mode, each)] as const),
    ];
    const different: { statement: string; gnu: Uint8Array; ours: Uint8Array }[] = [];
    const refused: string[] = [];
    for (const [statement, expected] of gnu) {
      expect(expected, `GNU as refuses ${statement}`).toBeDefined();
      const ours = await assembled(mode, statement);
      if (typeof ours === "string") refused.push(`${statement}: ${ours}`);
      else if (hexBytes(ours) !== hexBytes(expected!)) different.push({ statement, gnu: expected!, ours });
    }
    const read = gnuDisassemble(
      mode,
      different.flatMap((each) => [each.gnu, each.ours]),
    );
    const wrong = different.filter((_, i) => meaning(read[2 * i]!) !== meaning(read[2 * i + 1]!));
    console.log(
      `${mode}-bit: ${all.length} statements by hand, ${different.length} of other bytes with the same meaning`,
    );
    expect(refused).toEqual([]);
    expect(wrong.map((each) => `${each.statement}: GNU ${hexBytes(each.gnu)}, ours ${hexBytes(each.ours)}`)).toEqual(
      [],
    );
  });

  test.each(modes)(
    "%i-bit text of the whole corpus becomes the builder's nodes",
    { timeout: 120_000 },
    async (mode) => {
      const statements = corpus(new FormTable(await loadIced()), mode);
      const gnu = gnuAssemble(
        mode,
        statements.map((each) => each.gnu),
      );
      let accepted = 0;
      let same = 0;
      const refused: string[] = [];
      const others: { statement: string; gnu: Uint8Array }[] = [];
      statements.forEach((statement, i) => {
        const expected = gnu[i];
        if (expected === undefined) return;
        accepted++;
        try {
          const nodes = readText(new WrittenText(statement.gnu, "corpus"), mode, { isWhole: false });
          if (written(nodes) === built(mode, statement)) same++;
          else others.push({ statement: statement.gnu, gnu: expected });
        } catch (error) {
          refused.push(`${statement.gnu}: ${(error as Error).message}`);
        }
      });
      // GNU as means something else by the text than the corpus's author did by the operands: then its bytes count.
      const wrong: string[] = [];
      for (const each of others) {
        const ours = await assembled(mode, each.statement);
        const read = typeof ours === "string" ? [ours, ""] : gnuDisassemble(mode, [ours, each.gnu]);
        if (read[0] !== read[1]) wrong.push(`${each.statement}: ${read.join(" instead of ")}`);
      }
      const share = ((100 * (accepted - refused.length)) / accepted).toFixed(2);
      console.log(`${mode}-bit corpus: of ${accepted} statements ${share}% read, ${same} into the builder's nodes`);
      expect(wrong).toEqual([]);
      expect(refused.length).toBeLessThanOrEqual(accepted * 0.005);
    },
  );
});
