/**
 * Writes src/asm/instructions/instruction-types.d.ts and instruction-codes.ts from iced-x86's instruction table: the methods of the builder with their operand types,
 * and for each mnemonic the numbers of iced-x86's instruction codes. `--check` compares instead of writing.
 */
import { readFileSync, writeFileSync } from "node:fs";
import type { OpCodeInfo } from "iced-x86";
import { aliases, waitingForms } from "../src/asm/instructions/aliases.ts";
import { needSize, readForms, type Form } from "../src/asm/instructions/form.ts";
import { isFarTransfer } from "../src/asm/instructions/far-transfers.ts";
import { loadIced } from "../src/asm/encode/iced.ts";
import { modes, type Mode } from "../src/asm/mode.ts";
import type { WrittenOperand } from "../src/asm/instructions/operand-kind.ts";

const iced = await loadIced();
const { Code, CodeExt, CpuidFeature, EncodingKind, Instruction, MemorySize, Mnemonic, OpCodeOperandKind } = iced;

/** CPUID features of CPUs that are gone, or that were never made. */
const abandoned =
  /^(CYRIX|CENTAUR|PADLOCK|KNC|IA64|UMOV|MOV_TR|OSS|PCOMMIT|UDBG|CL1INVMB|.*_ONLY)$|^(CYRIX|PADLOCK|CENTAUR)_/;

/** Encodings that are of no instruction, or that are another instruction's second encoding without a name of its own. */
const excluded = new Set(["reservednop", "sal"]);

/** Far pointers in memory. */
const farPointers = new Set([MemorySize.SegPtr16, MemorySize.SegPtr32, MemorySize.SegPtr64]);

/** The mnemonic of an instruction: far jumps and calls, and far returns of 64 bits, have names of their own. */
function mnemonicOf(opCode: OpCodeInfo): string {
  const mnemonic = Mnemonic[opCode.mnemonic].toLowerCase();
  const isFar =
    farPointers.has(opCode.memorySize) ||
    [OpCodeOperandKind.farbr2_2, OpCodeOperandKind.farbr4_2].includes(opCode.op0Kind);
  if (isFar && (mnemonic === "jmp" || mnemonic === "call")) return mnemonic === "jmp" ? "ljmp" : "lcall";
  return mnemonic === "retf" && opCode.operandSize === 64 ? "retfq" : mnemonic;
}

/** The forms of one instruction, by mode. */
type Forms = Readonly<Record<Mode, readonly Form[]>>;

interface Instructions {
  readonly codes: readonly number[];
  readonly forms: Forms;
}

function readInstructions(): Map<string, Instructions> {
  const codes = new Map<string, number[]>();
  const instruction = new Instruction();
  for (const code of Object.values(Code).filter((each) => typeof each === "number")) {
    const opCode = CodeExt.opCode(code);
    const mnemonic = mnemonicOf(opCode);
    instruction.code = code;
    const isWanted =
      opCode.isInstruction &&
      opCode.encoding !== EncodingKind.MVEX &&
      !opCode.fwait &&
      !excluded.has(mnemonic) &&
      !Array.from(instruction.cpuidFeatures()).some((feature) => abandoned.test(CpuidFeature[feature]!));
    opCode.free();
    if (isWanted) codes.set(mnemonic, [...(codes.get(mnemonic) ?? []), code]);
  }
  const instructions = [...codes]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([mnemonic, each]) => {
      const forms: Forms = {
        16: readForms(iced, each, 16),
        32: readForms(iced, each, 32),
        64: readForms(iced, each, 64),
      };
      const used = new Set(modes.flatMap((mode) => forms[mode].map(({ code }) => code)));
      return [mnemonic, { codes: each.filter((code) => used.has(code)), forms }] as const;
    });
  return new Map(instructions.filter(([, each]) => each.codes.length > 0));
}

/** The type of one operand, as the generated types name it; `memory` is what stands for a memory operand. */
function operandType(kind: WrittenOperand, form: Form, memory: string): string {
  const types: string[] = [];
  if (kind.only !== undefined) types.push(`Only<"${kind.only}">`);
  else if (kind.register !== undefined) {
    types.push(`Reg<"${kind.register}">`);
    if (form.readsWord && (kind.register === "r32" || kind.register === "r64")) types.push(`Reg<"r16">`);
  }
  if (kind.memory !== undefined && memory !== "") types.push(memory);
  if (kind.immediate !== undefined) types.push("Imm");
  if (kind.constant !== undefined) types.push(`${kind.constant}`);
  if (kind.branch !== undefined) types.push("Target");
  if (kind.far !== undefined) types.push("FarTarget");
  const type = types.join(" | ");
  if (kind.position > 0 || form.mask === "never") return type;
  return form.mask === "must" ? `Masked<${type}>` : `May<${type}>`;
}

/** The operand lists of a form: one, and one more where it takes a rounding mode in place of memory. */
function tuples(form: Form, memory: string): string[] {
  const list = (forMemory: string): string[] => form.written.map((kind) => operandType(kind, form, forMemory));
  const withMemory = `[${list(memory).join(", ")}]`;
  if (form.rounding === "never") return [withMemory];
  return [withMemory, `[${[...list(""), form.rounding === "mode" ? "Er" : "Sae"].join(", ")}]`];
}

/**
 * The forms as types, each with its operands in words. Memory needs a size where two forms differ in nothing else. Words
 * that stand for the same operands are put together, since the compiler would show either.
 */
function operandLists(forms: readonly Form[]): string[] {
  const sizes = sizesByKey(forms, (form) => form.memoryBits);
  const elements = sizesByKey(forms, (form) => form.broadcastBits);
  const words = new Map<string, Set<string>>();
  for (const form of forms) {
    const key = memoryKey(form);
    const isAmbiguous = needSize(sizes.get(key)!);
    const whole = form.memoryBits === 0 ? "Mem<number>" : `Mem<${isAmbiguous ? "" : "0 | "}${form.memoryBits}>`;
    const element = elements.get(key)!.size > 1 ? `Bcst<${form.broadcastBits}>` : `Bcst<0 | ${form.broadcastBits}>`;
    for (const tuple of tuples(form, form.broadcastBits === 0 ? whole : `${whole} | ${element}`)) {
      words.set(
        tuple,
        (words.get(tuple) ?? new Set()).add(form.written.length === 0 ? "no operands" : operandsText(form)),
      );
    }
  }
  return [...words].map(([tuple, texts]) => `F<${tuple}, ${JSON.stringify([...texts].join(" or "))}>`);
}

function sizesByKey(forms: readonly Form[], sizeOf: (form: Form) => number): ReadonlyMap<string, ReadonlySet<number>> {
  const sizes = new Map<string, Set<number>>();
  for (const form of forms) sizes.set(memoryKey(form), (sizes.get(memoryKey(form)) ?? new Set()).add(sizeOf(form)));
  return sizes;
}

/** What of a form stays when its memory operand loses its size: the same for two forms that only a size tells apart. */
function memoryKey(form: Form): string {
  return form.written.map((kind) => (kind.memory === undefined ? operandType(kind, form, "") : "memory")).join();
}

/** The forms of an instruction as types; what is the same in all modes is written once. */
function formsType(mnemonic: string, { forms }: Instructions): string[] {
  const texts = modes.map((mode) => operandLists(forms[mode]).join(" | ") || "never");
  if (texts.every((text) => text === texts[0])) return [`  ${mnemonic}: Same<${texts[0]}>;`];
  return [`  ${mnemonic}: {`, ...modes.map((mode, i) => `    ${mode}: ${texts[i]};`), "  };"];
}

function operandsText(form: Form): string {
  return form.text.replace(/^\S+ ?/, "");
}

/** The methods that an instruction has in code of a mode; where the mode lacks it, its `this` says so. */
function methodLines(mode: Mode, name: string, mnemonic: string, { forms }: Instructions): string[] {
  const texts = [...new Set(forms[mode].map((form) => `\`${form.written.length === 0 ? mnemonic : form.text}\``))];
  const result = isFarTransfer(mnemonic) ? "Crossing" : "Code";
  if (forms[mode].length === 0)
    return [`  ${name}(this: "${mode}-bit code has no ${name}", ...operands: unknown[]): never;`];
  return [
    `  /** ${name in waitingForms ? `{@link wait} and ` : ""}${texts.join(", ")}. */`,
    `  ${name}<D extends string, U extends string, O extends readonly AnyOperand[]>(this: Labelled<${mode}, D, U>, ` +
      `...operands: Check<${mode}, "${mnemonic}", O>): ${result}${mode}<D, U | NewIn<O, D>>;`,
  ];
}

function methods(mode: Mode, table: ReadonlyMap<string, Instructions>): string[] {
  const others = Object.entries({ ...aliases, ...waitingForms });
  return [
    `/** The instructions of ${mode}-bit code, one method for each. */`,
    `export interface Instructions${mode} {`,
    ...[...table].flatMap(([mnemonic, each]) => methodLines(mode, mnemonic, mnemonic, each)),
    ...others.flatMap(([name, mnemonic]) => methodLines(mode, name, mnemonic, table.get(mnemonic)!)),
    "}",
    "",
  ];
}

const head = "// Generated by scripts/generate-instructions.ts from iced-x86's instruction table. Do not edit.";

/** The types. A declaration file: nobody's compiler checks it again and again, as it would two thousand generic methods. */
function typesSource(table: ReadonlyMap<string, Instructions>): string {
  return [
    head,
    "import type {",
    "  Code16, Code32, Code64, Crossing16, Crossing32, Crossing64, Labelled, NewIn,",
    '} from "../builder/code-types.ts";',
    'import type { Check } from "../builder/operand-check.ts";',
    "import type {",
    "  AnyOperand, Bcst, Er, F, FarTarget, Imm, Masked, May, Mem, Only, Reg, Sae, Same, Target,",
    '} from "../operands/operand-types.ts";',
    "",
    "/** The operands that each instruction takes, by mode, each list with its words. */",
    "export interface Forms {",
    ...[...table].flatMap(([mnemonic, each]) => formsType(mnemonic, each)),
    "}",
    "",
    ...modes.flatMap((mode) => methods(mode, table)),
  ].join("\n");
}

/** The numbers. */
function codesSource(table: ReadonlyMap<string, Instructions>): string {
  return [
    head,
    'import type { Forms } from "./instruction-types.d.ts";',
    "",
    "/** The numbers of iced-x86's instruction codes, by mnemonic. */",
    "export const instructionCodes: Readonly<Record<keyof Forms, readonly number[]>> = {",
    ...[...table].map(([mnemonic, { codes }]) => `  ${mnemonic}: [${codes.join(", ")}],`),
    "};",
    "",
  ].join("\n");
}

const table = readInstructions();
const files = { "instruction-types.d.ts": typesSource(table), "instruction-codes.ts": codesSource(table) };
for (const [name, text] of Object.entries(files)) {
  const file = new URL(`../src/asm/instructions/${name}`, import.meta.url);
  if (!process.argv.includes("--check")) writeFileSync(file, text);
  else if (readFileSync(file, "utf8") !== text) {
    console.error(`src/asm/instructions/${name} is not what scripts/generate-instructions.ts writes: run it again`);
    process.exitCode = 1;
  }
}
