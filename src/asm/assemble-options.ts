/** The options of assembling, as authors give them. */
import { hex } from "../core/hex.ts";
import { show } from "../core/show.ts";
import { AsmError } from "./asm-error.ts";
import type { CallSite } from "./builder/call-site.ts";
import { locate } from "./builder/call-site.ts";
import type { Mode } from "./mode.ts";
import { optionsProblem } from "../core/options.ts";
import type { Node } from "./builder/node.ts";

/** Options of {@link assemble}. */
export interface AssembleOptions {
  /** The virtual address of the first byte. 0 unless given. */
  readonly origin?: number | bigint;
  /** The virtual addresses of sections that do not follow the ones before them, by name. */
  readonly sections?: Readonly<Record<string, number | bigint>>;
  /**
   * Values of names that the code uses and does not define: addresses in other programs, say. 0 to 2^64 - 1. A name of
   * them cannot be a label of the code, too.
   */
  readonly symbols?: Readonly<Record<string, number | bigint>>;
}

/** Throws unless `options` is an object that has none but these options; `method` takes them. */
export function checkOptions(method: string, known: readonly string[], options: unknown, site: () => CallSite): void {
  const problem = optionsProblem(method, known, options);
  if (problem === undefined) return;
  const { message, value, hint } = problem;
  throw new AsmError(message, { code: "BAD_VALUE", value, source: locate(site()), hint });
}

/** An address that code of a mode can have; `what` names the option. */
export function checkOrigin(what: string, mode: Mode, origin: unknown, site: () => CallSite): bigint {
  const isRounded = Number.isInteger(origin) && !Number.isSafeInteger(origin);
  const address = Number.isSafeInteger(origin) ? BigInt(origin as number) : origin;
  if (typeof address === "bigint" && address >= 0n && address < 1n << BigInt(mode)) return address;
  throw new AsmError(
    `${what}: an address of ${mode}-bit code is a whole number from 0 to 2^${mode} - 1, got ${show(origin)}`,
    {
      code: "OUT_OF_RANGE",
      value: origin,
      source: locate(site()),
      ...(isRounded
        ? { hint: `write it as a bigint: 0x…n; as a number it arrives as ${hex(BigInt(origin as number))}` }
        : {}),
    },
  );
}

/** The addresses of sections, which 64-bit code may have whatever the mode that it begins in. */
export function checkAddresses(sections: unknown, site: () => CallSite): Readonly<Record<string, bigint>> {
  if (typeof sections !== "object" || sections === null) {
    const message = `sections: expected an object with an address for each name, got ${show(sections)}`;
    throw new AsmError(message, { code: "BAD_VALUE", value: sections, source: locate(site()) });
  }
  const addresses = Object.entries(sections).map(
    ([name, address]) => [name, checkOrigin(`sections.${name}`, 64, address, site)] as const,
  );
  return Object.fromEntries(addresses);
}

/** The values of symbols from outside. */
export function checkSymbols(symbols: unknown, site: () => CallSite): ReadonlyMap<string, bigint> {
  if (typeof symbols !== "object" || symbols === null) {
    const message = `symbols: expected an object with a value for each name, got ${show(symbols)}`;
    throw new AsmError(message, { code: "BAD_VALUE", value: symbols, source: locate(site()) });
  }
  return new Map(
    Object.entries(symbols).map(([name, value]) => [name, checkOrigin(`symbols.${name}`, 64, value, site)] as const),
  );
}

/** Throws where a section is placed that the code does not have. */
export function checkSections(nodes: readonly Node[], sections: Readonly<Record<string, bigint>>): void {
  const missing = Object.keys(sections).find(
    (name) => !nodes.some((node) => node.kind === "origin" && node.name === name),
  );
  if (missing === undefined) return;
  throw new AsmError(`the code has no section ${JSON.stringify(missing)} with anything in it`, {
    code: "BAD_VALUE",
    value: missing,
    hint: "a section begins with .section(name)",
  });
}
