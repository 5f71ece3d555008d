/**
 * GNU as's names of instructions. The instruction table follows the manual, in which `pushf` always pushes 16 bits; GNU's
 * `pushf` pushes as many as the mode has.
 */
import { aliases } from "../instructions/aliases.ts";
import { instructionCodes } from "../instructions/instruction-codes.ts";
import type { Mode } from "../mode.ts";
import type { Mnemonic } from "../builder/node.ts";
import { withoutSuffix, type OperandSizes } from "./suffixes.ts";

/** What a name means. */
export interface Meaning {
  readonly mnemonic: Mnemonic;
  /** A number that the name implies as the last operand: the predicate of a comparison. */
  readonly last?: bigint;
  /** The operand size in bits that the name asks for. */
  readonly operandSize?: 16 | 32 | 64;
  /** Whether the name asks for all 64 bits of a number or of an address. */
  readonly isAbsolute?: true;
  /** The sizes of operands that the name says. */
  readonly sizes?: readonly OperandSizes[];
}

type Row = Mnemonic | Readonly<Partial<Record<Mode, Mnemonic>>>;

/** Names that the table lacks, or that mean something else in it. */
const rows: Readonly<Record<string, Row>> = {
  pushf: { 16: "pushf", 32: "pushfd", 64: "pushfq" },
  popf: { 16: "popf", 32: "popfd", 64: "popfq" },
  pushfw: "pushf",
  popfw: "popf",
  pusha: { 16: "pusha", 32: "pushad" },
  popa: { 16: "popa", 32: "popad" },
  pushaw: { 16: "pusha", 32: "pusha" },
  popaw: { 16: "popa", 32: "popa" },
  iret: { 16: "iret", 32: "iretd", 64: "iretd" },
  iretw: "iret",
  sysret: { 16: "sysret", 32: "sysret" },
  sysretd: { 64: "sysret" },
  sysexitd: { 64: "sysexit" },
  lret: "retf",
  lretq: { 64: "retfq" },
  xlat: "xlatb",
  fwait: "wait",
  icebp: "int1",
  ud2a: "ud2",
  ud2b: "ud1",
  cbtw: "cbw",
  cwtl: "cwde",
  cltq: "cdqe",
  cwtd: "cwd",
  cltd: "cdq",
  cqto: "cqo",
  lgdtq: { 64: "lgdt" },
  lidtq: { 64: "lidt" },
  sgdtq: { 64: "sgdt" },
  sidtq: { 64: "sidt" },
  fxsaveq: { 64: "fxsave64" },
  fxrstorq: { 64: "fxrstor64" },
  xsaveq: { 64: "xsave64" },
  xsaveoptq: { 64: "xsaveopt64" },
  xrstorq: { 64: "xrstor64" },
};

/** Names with the size of the operand at their end, as in AT&T's syntax: those that are in use in Intel's, too. */
const sized: Readonly<Record<string, readonly [Mnemonic, 16 | 32 | 64]>> = {
  pushw: ["push", 16],
  popw: ["pop", 16],
  retw: ["ret", 16],
  leavew: ["leave", 16],
  enterw: ["enter", 16],
  callw: ["call", 16],
  jmpw: ["jmp", 16],
  retfw: ["retf", 16],
  lretw: ["retf", 16],
  ljmpw: ["ljmp", 16],
  lcallw: ["lcall", 16],
  lgdtw: ["lgdt", 16],
  lidtw: ["lidt", 16],
  sgdtw: ["sgdt", 16],
  sidtw: ["sidt", 16],
  retd: ["ret", 32],
  leaved: ["leave", 32],
  enterd: ["enter", 32],
  lretd: ["retf", 32],
  retfd: ["retf", 32],
  pushd: ["push", 32],
  popd: ["pop", 32],
  calld: ["call", 32],
  jmpd: ["jmp", 32],
  ljmpd: ["ljmp", 32],
  lcalld: ["lcall", 32],
  lgdtd: ["lgdt", 32],
  lidtd: ["lidt", 32],
  sgdtd: ["sgdt", 32],
  sidtd: ["sidt", 32],
  pushq: ["push", 64],
  popq: ["pop", 64],
  retq: ["ret", 64],
  leaveq: ["leave", 64],
  callq: ["call", 64],
  jmpq: ["jmp", 64],
  enterq: ["enter", 64],
};

/** Those of them whose memory is as wide as the name says. */
const nears: ReadonlySet<string> = new Set(["push", "pop", "call", "jmp"]);

/** The predicates of comparisons, by their numbers (SDM vol. 2A, CMPPD, table 3-1). */
const sse = ["eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord"];
const avx = [
  ...sse,
  ...["eq_uq", "nge", "ngt", "false", "neq_oq", "ge", "gt", "true"],
  ...["eq_os", "lt_oq", "le_oq", "unord_s", "neq_us", "nlt_uq", "nle_uq", "ord_s"],
  ...["eq_us", "nge_uq", "ngt_uq", "false_os", "neq_os", "ge_oq", "gt_oq", "true_us"],
];
const integer = ["eq", "lt", "le", undefined, "neq", "nlt", "nle"];

const comparisons: readonly {
  readonly pattern: RegExp;
  readonly base: string;
  readonly predicates: readonly unknown[];
}[] = [
  { pattern: /^cmp(\w+?)(ps|pd|ss|sd)$/, base: "cmp", predicates: sse },
  { pattern: /^vcmp(\w+?)(ps|pd|ss|sd|ph|sh)$/, base: "vcmp", predicates: avx },
  { pattern: /^vpcmp(\w+?)(u?[bwdq])$/, base: "vpcmp", predicates: integer },
];

/** Second names of predicates. */
const predicateNames: Readonly<Record<string, string>> = {
  eq_oq: "eq",
  lt_os: "lt",
  le_os: "le",
  unord_q: "unord",
  neq_uq: "neq",
  nlt_us: "nlt",
  nle_us: "nle",
  ord_q: "ord",
  nge_us: "nge",
  ngt_us: "ngt",
  false_oq: "false",
  ge_os: "ge",
  gt_os: "gt",
  true_uq: "true",
};

/** The halves that a carry-less multiplication takes, by name. */
const halves: Readonly<Record<string, bigint>> = { lqlq: 0n, hqlq: 1n, lqhq: 0x10n, hqhq: 0x11n };

const has = (name: string): name is Mnemonic => Object.hasOwn(instructionCodes, name);

/** What a name means in code of a mode; `undefined` where it means nothing. */
export function findMnemonic(name: string, mode: Mode): Meaning | undefined {
  const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
  if (typeof row === "string") return { mnemonic: row };
  if (row !== undefined) {
    const mnemonic = row[mode];
    return mnemonic === undefined ? undefined : { mnemonic };
  }
  // Between general registers and memory it is a `mov` of 64 bits.
  if (name === "movq") return { mnemonic: name, sizes: [{ bits: 64, of: "all" }] };
  if (has(name)) return { mnemonic: name };
  if (name === "movabs") return mode === 64 ? { mnemonic: "mov", isAbsolute: true } : undefined;
  if (Object.hasOwn(aliases, name)) return { mnemonic: aliases[name as keyof typeof aliases] };
  if (Object.hasOwn(sized, name)) {
    const [mnemonic, operandSize] = sized[name]!;
    if (operandSize === 64 && mode !== 64) return undefined;
    return { mnemonic, operandSize, ...(nears.has(mnemonic) ? { sizes: [{ bits: operandSize, of: "all" }] } : {}) };
  }
  return withPredicate(name) ?? sizedMeaning(name, mode);
}

function sizedMeaning(name: string, mode: Mode): Meaning | undefined {
  const found = withoutSuffix(name, mode);
  if (found === undefined) return undefined;
  const meaning = findMnemonic(found.stem, mode);
  return meaning === undefined ? undefined : { ...meaning, sizes: found.sizes };
}

function withPredicate(name: string): Meaning | undefined {
  const half = /^(v?pclmul)([lh]q[lh]q)dq$/.exec(name);
  if (half !== null) return { mnemonic: `${half[1]}qdq` as Mnemonic, last: halves[half[2]!]! };
  for (const { pattern, base, predicates } of comparisons) {
    const [, predicate, type] = pattern.exec(name) ?? [];
    if (predicate === undefined) continue;
    const number = predicates.indexOf(predicateNames[predicate] ?? predicate);
    const mnemonic = `${base}${type}`;
    if (number !== -1 && has(mnemonic)) return { mnemonic, last: BigInt(number) };
  }
  return undefined;
}

/** All names of a mode, for a suggestion. */
export function mnemonicNames(mode: Mode): string[] {
  return [
    ...Object.keys(instructionCodes),
    ...Object.keys(aliases),
    ...Object.keys(rows),
    ...Object.keys(sized),
  ].filter((name) => findMnemonic(name, mode) !== undefined);
}
