/** What Keystone makes of every form of every instruction: each statement of the tests' corpus, and branches, one by one. */
import { code16, code32, code64, far, type AnyCode, type Operand } from "guestwright/asm";
import type { InstructionNode } from "../src/asm/builder/node.ts";
import { Encoder, type Request } from "../src/asm/encode/encode.ts";
import { loadIced } from "../src/asm/encode/iced.ts";
import { loadKeystone } from "../src/asm/encode/keystone.ts";
import { plan } from "../src/asm/encode/plan.ts";
import { FormTable } from "../src/asm/instructions/form-table.ts";
import { instructionCodes } from "../src/asm/instructions/instruction-codes.ts";
import type { Mnemonic } from "../src/asm/builder/node.ts";
import { modes, type Mode } from "../src/asm/mode.ts";
import { corpus } from "../test/asm/corpus.ts";

/** A request that an instruction of a mode leads to, and whether Keystone writes what was asked for. */
export interface Verdict {
  readonly mode: Mode;
  readonly request: Request;
  readonly isRight: boolean;
}

const starts = { 16: code16, 32: code32, 64: code64 } as const;

/** Everything that can be encoded at all. */
export async function surveyKeystone(): Promise<readonly Verdict[]> {
  const iced = await loadIced();
  const table = new FormTable(iced);
  const encoder = new Encoder(iced, loadKeystone);
  const verdicts: Verdict[] = [];
  for (const mode of modes) {
    const requests = [...corpus(table, mode), ...corpus(table, mode, true), ...transfers(table, mode)].flatMap(
      ({ mnemonic, operands }) => requestsOf(table, mode, mnemonic, operands),
    );
    for (const request of requests) {
      if (encoder.byIced(request) === undefined) continue;
      verdicts.push({ mode, request, isRight: (await encoder.byKeystone(mode, [request])) !== undefined });
    }
  }
  return verdicts;
}

function requestsOf(
  table: FormTable,
  mode: Mode,
  mnemonic: Mnemonic,
  operands: readonly Operand[],
): readonly Request[] {
  const code = starts[mode]() as unknown as Record<string, (...operands: readonly Operand[]) => AnyCode>;
  try {
    return plan(table, code[mnemonic]!(...operands).nodes[0] as InstructionNode);
  } catch {
    // The corpus holds statements that no form takes.
    return [];
  }
}

/** Branches and far transfers, which the corpus leaves to programs. */
function transfers(table: FormTable, mode: Mode): { mnemonic: Mnemonic; operands: readonly Operand[] }[] {
  return (Object.keys(instructionCodes) as Mnemonic[]).flatMap((mnemonic) =>
    table.of(mnemonic, mode).flatMap(({ kinds }): { mnemonic: Mnemonic; operands: readonly Operand[] }[] => {
      if (kinds.some(({ branch }) => branch !== undefined)) return [{ mnemonic, operands: ["label"] }];
      const bits = kinds.find((kind) => kind.far !== undefined)?.far;
      return bits === undefined ? [] : [{ mnemonic, operands: [far(8, "label", bits)] }];
    }),
  );
}
