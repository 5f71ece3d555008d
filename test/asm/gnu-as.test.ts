/** Every form of every instruction, against GNU as. */
import { writeFileSync } from "node:fs";
import { hexBytes } from "guestwright";
import type { AnyCode, Mode } from "guestwright/asm";
import { code16, code32, code64 } from "guestwright/asm";
import { describe, expect, test } from "vitest";
import { Encoder } from "../../src/asm/encode/encode.ts";
import { printForKeystone } from "../../src/asm/encode/keystone-printer.ts";
import { isKeystoneFault } from "../../src/asm/encode/keystone-faults.ts";
import { FormTable } from "../../src/asm/instructions/form-table.ts";
import { loadIced } from "../../src/asm/encode/iced.ts";
import { loadKeystone } from "../../src/asm/encode/keystone.ts";
import type { InstructionNode } from "../../src/asm/builder/node.ts";
import { plan } from "../../src/asm/encode/plan.ts";
import { corpus, type Statement } from "./corpus.ts";
import { gnuAssemble, gnuDisassemble, gnuMissing } from "./gnu.ts";

const missing = gnuMissing();
const starts = { 16: code16, 32: code32, 64: code64 } as const;

function nodeOf(mode: Mode, { mnemonic, operands }: Statement): InstructionNode {
  const code = starts[mode]() as unknown as Record<string, (...operands: unknown[]) => AnyCode>;
  return code[mnemonic]!(...operands).nodes[0] as InstructionNode;
}

/** What GNU as accepts and no CPU does as it is written. */
const rightlyRefused = [
  /^mov cs,/, // MOV cannot load CS: SDM vol. 2B, MOV
  /^bnd.* (fs:\[0x10\]|ds:\[0x1234\])/, // bounds are checked with addresses of 32 bits at least: SDM vol. 2A, BNDCL
  /^vp?gather\w+ (\w+), .*, \1$/, // destination, index and mask must be different registers: SDM vol. 2C, VGATHERDPS
  /^push (0x[7f]fffffff|-0x80000000)$/, // GNU as cuts the number off to 16 bits, without a word
];

/**
 * What objdump reads, but that `xchg` is symmetric and of a register with itself nothing at all, except that in 64-bit code
 * `xchg eax, eax` clears the upper half; and that selectors have 16 bits in registers of any width, zero-extended.
 */
function normal(mode: Mode, shown: string): string {
  const text = shown.replace(/^(\{vex\}|\{evex\}|rex\.\w+|data32|data16) /, "");
  const [, mnemonic, operands] = /^(\S+) ?(.*)$/.exec(text)!;
  const parts = operands!.split(",");
  if (mnemonic === "xchg" && parts[0] === parts[1] && (mode !== 64 || parts[0] !== "eax")) return "nop ";
  if (mnemonic === "xchg") return `xchg ${parts.toSorted().join()}`;
  const isSelector = mnemonic === "mov" && parts.some((each) => /^[c-gs]s$/.test(each));
  return `${mnemonic} ${isSelector || zeroExtends.test(mnemonic!) ? parts.map(wide).join() : operands}`;
}

/** Instructions whose general register is as good with REX.W as without: what they leave out of it, they make zero. */
const zeroExtends = /^(str|sldt|v?pextr[bw]|v?pinsr[bw]|v?pmovmskb|v?movmskp[ds]|v?extractps)$/;

const wide = (register: string): string =>
  register.replace(/^(r\d+)[wd]$/, "$1").replace(/^[er]?([a-d]x|[sd]i|[sb]p)$/, "r$1");

describe.skipIf(missing !== undefined)(`against GNU as${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  test.each([16, 32, 64] as const)("%i-bit code", { timeout: 120_000 }, async (mode) => {
    const iced = await loadIced();
    const table = new FormTable(iced);
    const statements = corpus(table, mode);
    const gnu = gnuAssemble(
      mode,
      statements.map((each) => each.gnu),
    );
    const refused: string[] = [];
    const requests = statements.map((statement) => {
      try {
        return plan(table, nodeOf(mode, statement))[0]!;
      } catch (error) {
        refused.push(`${statement.gnu}: ${(error as Error).message}`);
        return undefined;
      }
    });
    const encodings = await new Encoder(iced, loadKeystone).encode(requests.filter((each) => each !== undefined));
    let next = 0;
    const ours = requests.map((request) => (request === undefined ? undefined : encodings[next++]));
    const accepted = statements.map((_, i) => i).filter((i) => gnu[i] !== undefined && ours[i] !== undefined);
    const notOurs = statements.filter((_, i) => gnu[i] !== undefined && ours[i] === undefined).map((each) => each.gnu);
    const notGnu = statements.filter((_, i) => gnu[i] === undefined && ours[i] !== undefined).map((each) => each.gnu);
    const different = accepted.filter((i) => hexBytes(gnu[i]!) !== hexBytes(ours[i]!.bytes));
    const read = gnuDisassemble(
      mode,
      different.flatMap((i) => [gnu[i]!, ours[i]!.bytes]),
    );
    const wrong = different.flatMap((i, k) =>
      normal(mode, read[k * 2]!) === normal(mode, read[k * 2 + 1]!)
        ? []
        : [
            `${statements[i]!.gnu}: GNU ${hexBytes(gnu[i]!)} (${read[k * 2]}), ours ${hexBytes(ours[i]!.bytes)} (${read[k * 2 + 1]})`,
          ],
    );
    const byKeystone = ours.filter((each) => each?.writer === "keystone").length;
    const unlisted = requests.filter(
      (request, i) => ours[i]?.writer === "iced-x86" && !isKeystoneFault(request!.instruction, request!.forms),
    );
    console.log(
      `${mode}-bit: ${statements.length} statements, GNU as accepts ${accepted.length + notOurs.length}; ` +
        `${accepted.length - different.length} the same bytes, ${different.length - wrong.length} other bytes of the same instruction, ` +
        `${notOurs.length} refused; Keystone wrote ${byKeystone}, iced-x86 ${ours.filter((each) => each !== undefined).length - byKeystone}`,
    );
    expect(unlisted.map((request) => printForKeystone(request!.instruction))).toEqual([]);
    if (process.env["CORPUS_DETAILS"] !== undefined) {
      writeFileSync(
        `${process.env["CORPUS_DETAILS"]}-${mode}.json`,
        JSON.stringify({ wrong, notOurs, notGnu, refused }, undefined, 1),
      );
    }
    expect(wrong).toEqual([]);
    expect(notOurs.filter((each) => !rightlyRefused.some((pattern) => pattern.test(each)))).toEqual([]);
    expect(accepted.length).toBeGreaterThan(1000);
  });
});
