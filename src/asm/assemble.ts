/** Assembling: code becomes a program, verified to the last instruction. */
import { arrange } from "./link/arrange.ts";
import { AsmError } from "./asm-error.ts";
import type { AssembleOptions } from "./assemble-options.ts";
import { checkAddresses, checkOptions, checkOrigin, checkSections, checkSymbols } from "./assemble-options.ts";
import type { CallSite } from "./builder/call-site.ts";
import { captureCallSite, locate } from "./builder/call-site.ts";
import { checkCode } from "./builder/check-code.ts";
import { checkBranches, checkLabels } from "./link/check-labels.ts";
import type { AnyCode, Linked } from "./builder/code-types.ts";
import { encodeAll } from "./encode/shapes.ts";
import { emit } from "./link/emit.ts";
import { place } from "./link/link.ts";
import { addressOfPlaced, type Placed } from "./link/placed.ts";
import type { ListingLine } from "./listing.ts";
import { statementToText } from "./listing.ts";
import type { Mode } from "./mode.ts";
import type { Node } from "./builder/node.ts";
import { verify } from "./link/verify.ts";

/** The names of the symbols that some options give. */
type SymbolsOf<O> = O extends { readonly symbols: infer S } ? keyof S & string : never;

/** A section that lies apart from the rest of its program. */
export interface ProgramSection {
  readonly name: string;
  /** The virtual address of the first byte. */
  readonly origin: bigint;
  readonly bytes: Uint8Array;
}

/** Assembled code: plain data. */
export interface Program {
  /** The size of the code that it begins with. */
  readonly mode: Mode;
  /** The virtual address of the first byte. */
  readonly origin: bigint;
  /** Everything but the sections that lie apart. */
  readonly bytes: Uint8Array;
  /** The sections that lie apart, in the order in which the code names them. */
  readonly sections: readonly ProgramSection[];
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
 * await assemble(code64().mov(rdi, qword("tick")), { symbols: { tick: 0x2000 } }); // 48 8b 3c 25 00 20 00 00
 * ```
 */
export async function assemble<C extends AnyCode, const O extends AssembleOptions = {}>(
  code: C & Linked<C, SymbolsOf<O>>,
  options: O = {} as O,
): Promise<Program> {
  const site = (): CallSite => captureCallSite(assemble);
  const checked = checkCode("assemble takes", code, site);
  const { nodes: written } = checked;
  const mode = startingMode(checked);
  checkOptions("assemble", ["origin", "sections", "symbols"], options, site);
  const origin = checkOrigin("origin", mode, options.origin ?? 0n, site);
  const addresses = checkAddresses(options.sections ?? {}, site);
  const symbols = checkSymbols(options.symbols ?? {}, site);
  const nodes = arrange(written, addresses);
  checkSections(nodes, addresses);
  checkLabels(nodes, symbols);
  const encoded = await encodeAll(nodes);
  const statements = nodes.map((node, i): Placed => {
    return { node, alternatives: encoded[i]!, chosen: 0, base: origin, offset: 0, size: 0 };
  });
  checkBranches(statements);
  const labels = place(statements, origin, symbols);
  checkTotal(statements);
  const bytes = emit(statements, labels);
  await verify(statements, bytes, labels);
  let listing: readonly ListingLine[] | undefined;
  const [main, ...sections] = partsOf(statements, bytes);
  return {
    mode,
    origin,
    bytes: main!.bytes,
    sections,
    labels: publicLabels(nodes, labels, symbols),
    // Asking every statement where it was written takes as long as assembling: only who wants the listing pays for it.
    get listing() {
      listing ??= listingOf(statements, bytes);
      return listing;
    },
  };
}

/** The mode of the first instruction: code that crosses from mode to mode ends in another. */
export function startingMode(code: AnyCode): Mode {
  const { nodes, mode } = checkCode("startingMode takes", code, () => captureCallSite(startingMode));
  return nodes.find((node) => node.kind === "instruction")?.mode ?? mode;
}

/** The bytes from the beginning to the first section that lies apart, then each of these. */
function partsOf(statements: readonly Placed[], bytes: Uint8Array): readonly ProgramSection[] {
  const parts: { name: string; origin: bigint; from: number }[] = [{ name: "", origin: 0n, from: 0 }];
  let at = 0;
  for (const { node, size } of statements) {
    if (node.kind === "origin") parts.push({ name: node.name, origin: node.address, from: at });
    at += size;
  }
  return parts.map(({ name, origin, from }, i) => ({ name, origin, bytes: bytes.slice(from, parts[i + 1]?.from) }));
}

/** More than this is no guest: 1 GiB. */
const mostBytes = 2 ** 30;

function checkTotal(statements: readonly Placed[]): void {
  let total = 0;
  for (const { node, size } of statements) {
    total += size;
    if (total <= mostBytes) continue;
    throw new AsmError(`${statementToText(node)}: the code is beyond 1 GiB here`, {
      code: "OUT_OF_RANGE",
      value: total,
      source: locate(node.site),
    });
  }
}

/** The labels of the code itself, without those that are local to a piece of text. */
function publicLabels(
  nodes: readonly Node[],
  labels: ReadonlyMap<string, bigint>,
  symbols: ReadonlyMap<string, bigint>,
): ReadonlyMap<string, bigint> {
  const hidden = new Set(symbols.keys());
  for (const node of nodes) if (node.kind === "label" && node.local === true) hidden.add(node.name);
  return hidden.size === 0 ? labels : new Map(Array.from(labels).filter(([name]) => !hidden.has(name)));
}

function listingOf(statements: readonly Placed[], bytes: Uint8Array): readonly ListingLine[] {
  let at = 0;
  return statements.map((statement) => {
    const { node, size, alternatives, chosen } = statement;
    return {
      kind: node.kind === "instruction" || node.kind === "label" ? node.kind : "data",
      address: addressOfPlaced(statement),
      bytes: bytes.slice(at, (at += size)),
      text: statementToText(node),
      writer: alternatives[chosen]?.encoding.writer,
      source: locate(node.site),
    };
  });
}
