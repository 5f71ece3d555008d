/** Assembling: code becomes a program, verified to the last instruction. */
import { AsmError } from "./asm-error.ts";
import { locate } from "./call-site.ts";
import type { AnyCode, Linked } from "./code-types.ts";
import { Encoder } from "./encode.ts";
import type { Expression } from "./expression.ts";
import { isExpression } from "./expression.ts";
import { FormTable } from "./form.ts";
import { loadIced } from "./iced.ts";
import { loadKeystone } from "./keystone.ts";
import type { Placed } from "./link.ts";
import { bytesOf, place } from "./link.ts";
import type { ListingLine } from "./listing.ts";
import { statementToText } from "./listing.ts";
import type { Mode } from "./mode.ts";
import type { InstructionNode, Node } from "./node.ts";
import { expressionsOf, plan } from "./plan.ts";
import { verify } from "./verify.ts";

/** Options of {@link assemble}. */
export interface AssembleOptions {
  /** The virtual address of the first byte. 0 unless given. */
  readonly origin?: bigint;
}

/** Assembled code: plain data. */
export interface Program {
  readonly mode: Mode;
  /** The virtual address of the first byte. */
  readonly origin: bigint;
  readonly bytes: Uint8Array;
  /** The virtual address of each label. */
  readonly labels: ReadonlyMap<string, bigint>;
  readonly listing: readonly ListingLine[];
}

/**
 * Assembles code for one place in the guest's virtual memory.
 *
 * @throws AsmError with the offending statement and where it was written.
 * @example
 * ```ts
 * const program = await assemble(code64().label("spin").jmp("spin"), { origin: 0x1000n });
 * program.bytes; // eb fe
 * ```
 */
export async function assemble<C extends AnyCode>(
  code: C & Linked<C>,
  options: AssembleOptions = {},
): Promise<Program> {
  const { mode, nodes }: AnyCode = code;
  const origin = checkOrigin(mode, options.origin ?? 0n);
  checkLabels(nodes);
  const statements = await encodeAll(mode, nodes);
  const labels = place(statements, origin);
  const chunks = statements.map((statement) => bytesOf(statement, labels));
  const bytes = concatenate(chunks);
  await verify(mode, statements, chunks, labels);
  return {
    mode,
    origin,
    bytes,
    labels,
    listing: statements.map((statement, i) => listingLine(statement, chunks[i]!)),
  };
}

function checkOrigin(mode: Mode, origin: bigint): bigint {
  if (typeof origin === "bigint" && origin >= 0n && origin < 1n << BigInt(mode)) return origin;
  throw new AsmError(`the origin of ${mode}-bit code is a bigint from 0 to 2^${mode} - 1, got ${String(origin)}`, {
    code: "OUT_OF_RANGE",
    value: origin,
  });
}

/** The builder's types find these mistakes as well; names that are computed are found here. */
function checkLabels(nodes: readonly Node[]): void {
  const defined = new Map<string, Node>();
  for (const node of nodes) {
    if (node.kind !== "label") continue;
    const first = defined.get(node.name);
    if (first !== undefined) {
      const where = locate(first.site);
      throw new AsmError(`label "${node.name}" is defined twice`, {
        code: "DUPLICATE_LABEL",
        value: node.name,
        source: locate(node.site),
        ...(where === undefined ? {} : { hint: `the first definition is at ${where.file}:${where.line}` }),
      });
    }
    defined.set(node.name, node);
  }
  for (const node of nodes) {
    for (const { labels } of expressionsIn(node)) {
      const missing = labels.find(({ name }) => !defined.has(name));
      if (missing === undefined) continue;
      throw new AsmError(`label "${missing.name}" is not defined`, {
        code: "UNDEFINED_LABEL",
        value: missing.name,
        source: locate(node.site),
        hint: defined.size === 0 ? "no label is" : `these are: ${[...defined.keys()].join(", ")}`,
      });
    }
  }
}

function expressionsIn(node: Node): readonly Expression[] {
  if (node.kind === "instruction") return expressionsOf(node);
  return node.kind === "numbers" ? node.values.filter(isExpression) : [];
}

async function encodeAll(mode: Mode, nodes: readonly Node[]): Promise<Placed[]> {
  const iced = await loadIced();
  const table = new FormTable(iced);
  const plans = nodes.map((node) => (node.kind === "instruction" ? plan(table, mode, node) : []));
  const encoder = new Encoder(iced, loadKeystone);
  const encodings = await encoder.encode(mode, plans.flat());
  let next = 0;
  return nodes.map((node, i) => {
    const alternatives = plans[i]!.flatMap((request) => {
      const encoding = encodings[next++];
      return encoding === undefined ? [] : [{ request, encoding }];
    });
    if (node.kind === "instruction" && alternatives.length === 0) throw notEncodable(node);
    return { node, alternatives, chosen: 0, address: 0n, size: 0 };
  });
}

function notEncodable(node: InstructionNode): AsmError {
  return new AsmError(`${statementToText(node)}: no encoding of ${node.mnemonic} holds these operands together`, {
    code: "NOT_ENCODABLE",
    value: node.operands,
    source: locate(node.site),
    hint: "a prefix it cannot have, ah to dh beside a register that needs REX, or an address that no ModRM byte spells",
  });
}

function concatenate(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function listingLine({ node, address, alternatives, chosen }: Placed, bytes: Uint8Array): ListingLine {
  return {
    kind: node.kind === "instruction" || node.kind === "label" ? node.kind : "data",
    address,
    bytes,
    text: statementToText(node),
    writer: alternatives[chosen]?.encoding.writer,
    source: locate(node.site),
  };
}
