/**
 * Writes src/asm/instructions.ts from iced-x86's instruction table: the methods of the builder with their operand types,
 * and for each mnemonic the numbers of iced-x86's instruction codes. `--check` compares instead of writing.
 */
import { readFileSync, writeFileSync } from "node:fs";
import iced from "iced-x86";
import { isAvailable } from "../src/asm/form.ts";
import type { Mode } from "../src/asm/mode.ts";
import { modes } from "../src/asm/mode.ts";
import { aliases } from "../src/asm/aliases.ts";
import { operandKinds } from "../src/asm/operand-kind.ts";

const {
  Code,
  CodeExt,
  CpuidFeature,
  EncodingKind,
  Instruction,
  MemorySize,
  MemorySizeExt,
  Mnemonic,
  OpCodeOperandKind,
} = iced;

/** The CPUID features whose instructions the builder has: general-purpose and system instructions. */
const features = new Set(
  (
    "INTEL8086 INTEL186 INTEL286 INTEL386 INTEL486 X64 PAUSE MULTIBYTENOP MSR TSC RDTSCP RDPMC SEP CMOV CPUID SYSCALL " +
    "FSGSBASE SMAP VMX SVM MONITOR CX8 CMPXCHG16B XSAVE FXSR CLFSH POPCNT BMI1 LZCNT RDRAND RDSEED MOVBE PKU SMM"
  ).split(" "),
);

/** Mnemonics of encodings that no current CPU documents. */
const excluded = new Set(["umov", "reservednop", "jmpe", "sal", "storeall", "loadall"]);

/** Far pointers in memory: a far transfer is a crossing between modes, which this table does not type. */
const farPointers = new Set([MemorySize.SegPtr16, MemorySize.SegPtr32, MemorySize.SegPtr64]);

interface Form {
  readonly code: number;
  readonly modes: readonly Mode[];
  readonly kinds: readonly string[];
  readonly memoryBits: number;
  readonly text: string;
}

function readForms(): Map<string, Form[]> {
  const byMnemonic = new Map<string, Form[]>();
  const instruction = new Instruction();
  for (const code of Object.values(Code).filter((each) => typeof each === "number")) {
    const opCode = CodeExt.opCode(code);
    const mnemonic = Mnemonic[opCode.mnemonic].toLowerCase();
    instruction.code = code;
    const needs = Array.from(instruction.cpuidFeatures(), (feature) => CpuidFeature[feature]!);
    const kinds = Array.from({ length: opCode.opCount }, (_, i) => OpCodeOperandKind[opCode.opKind(i)]);
    const form: Form = {
      code,
      modes: modes.filter((mode) => isAvailable(opCode, mode)),
      kinds,
      memoryBits: MemorySizeExt.size(opCode.memorySize) * 8,
      text: opCode.instructionString.replace(/^\S+ ?/, ""),
    };
    const wanted =
      opCode.isInstruction &&
      opCode.encoding === EncodingKind.Legacy &&
      form.modes.length > 0 &&
      !excluded.has(mnemonic) &&
      !(["call", "jmp"].includes(mnemonic) && farPointers.has(opCode.memorySize)) &&
      needs.every((feature) => features.has(feature)) &&
      kinds.every((kind) => kind in operandKinds);
    opCode.free();
    if (wanted) byMnemonic.set(mnemonic, [...(byMnemonic.get(mnemonic) ?? []), form]);
  }
  return new Map([...byMnemonic].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The operand kinds that an author writes. */
function written(form: Form): readonly string[] {
  return form.kinds.some((kind) => operandKinds[kind]!.implies !== undefined) ? [] : form.kinds;
}

/** The type of one operand, as instructions.ts names it; `memory` is what stands for a memory operand. */
function operandType(kindName: string, form: Form, memory: string): string {
  const kind = operandKinds[kindName]!;
  const types: string[] = [];
  if (kind.only !== undefined) types.push(`Only<"${kind.only}">`);
  else if (kind.register !== undefined) {
    types.push(`Reg<"${kind.register}">`);
    if (kind.register !== "r16" && kind.memory !== undefined && form.memoryBits === 16) types.push(`Reg<"r16">`);
  }
  if (kind.memory !== undefined) types.push(memory);
  if (kind.immediate !== undefined) types.push("Imm");
  if (kind.constant !== undefined) types.push(`${kind.constant}`);
  if (kind.branch !== undefined) types.push("Target");
  return types.join(" | ");
}

const tuple = (form: Form, memory: string): string =>
  `[${written(form)
    .map((kind) => operandType(kind, form, memory))
    .join(", ")}]`;

/** The distinct operand lists of some forms. Memory needs a size where two forms differ in nothing else. */
function operandLists(forms: readonly Form[]): string[] {
  const sizes = new Map<string, Set<number>>();
  for (const form of forms) {
    const key = memoryKey(form);
    sizes.set(key, (sizes.get(key) ?? new Set()).add(form.memoryBits));
  }
  return [
    ...new Set(
      forms.map((form) => {
        if (form.memoryBits === 0) return tuple(form, "Mem<number>");
        return tuple(
          form,
          sizes.get(memoryKey(form))!.size > 1 ? `Mem<${form.memoryBits}>` : `Mem<0 | ${form.memoryBits}>`,
        );
      }),
    ),
  ];
}

/** What of a form stays when its memory operand loses its size: the same for two forms that only a size tells apart. */
function memoryKey(form: Form): string {
  return written(form)
    .map((kind) => (operandKinds[kind]!.memory === undefined ? operandType(kind, form, "") : "memory"))
    .join();
}

function source(table: Map<string, Form[]>): string {
  const lines = [
    "// Generated by scripts/generate-instructions.ts from iced-x86's instruction table. Do not edit.",
    'import type { Check, Code, Imm, LabelsIn, Mem, Only, Operand, Reg, Target } from "./code-types.ts";',
    'import type { Mode } from "./mode.ts";',
    "",
    "/** The operands that each instruction takes, by mode, and the same in words. */",
    "export interface Forms {",
  ];
  for (const [mnemonic, forms] of table) {
    lines.push(`  ${mnemonic}: {`);
    for (const mode of modes) {
      const lists = operandLists(forms.filter((form) => form.modes.includes(mode)));
      lines.push(`    ${mode}: ${lists.length === 0 ? "never" : lists.join(" | ")};`);
    }
    const words = [...new Set(forms.map((form) => (written(form).length === 0 ? "no operands" : form.text)))];
    lines.push(`    takes: ${JSON.stringify(words.join(" | "))};`);
    lines.push("  };");
  }
  lines.push(
    "}",
    "",
    "/** One method for each instruction. */",
    "export interface Instructions<M extends Mode, Defined extends string, Used extends string> {",
  );
  for (const [mnemonic, forms] of table) {
    const where = modes.filter((mode) => forms.some((form) => form.modes.includes(mode)));
    const texts = [
      ...new Set(forms.map((form) => `\`${`${mnemonic} ${written(form).length === 0 ? "" : form.text}`.trim()}\``)),
    ];
    lines.push(
      `  /** ${texts.join(", ")}${where.length === 3 ? "" : ` — in ${where.join("- and ")}-bit code`}. */`,
      `  ${mnemonic}<O extends readonly Operand[]>(`,
      ...(where.length === 3
        ? []
        : [`    this: M extends ${where.join(" | ")} ? unknown : \`\${M}-bit code has no ${mnemonic}\`,`]),
      `    ...operands: Check<M, "${mnemonic}", O>`,
      `  ): Code<M, Defined, Used | LabelsIn<O>>;`,
    );
  }
  for (const [alias, mnemonic] of Object.entries(aliases)) {
    lines.push(
      `  /** The same as {@link ${mnemonic}}. */`,
      `  ${alias}<O extends readonly Operand[]>(`,
      `    ...operands: Check<M, "${mnemonic}", O>`,
      `  ): Code<M, Defined, Used | LabelsIn<O>>;`,
    );
  }
  lines.push("}", "", "/** The numbers of iced-x86's instruction codes, by mnemonic. */");
  lines.push("export const instructionCodes: Readonly<Record<keyof Forms, readonly number[]>> = {");
  for (const [mnemonic, forms] of table) lines.push(`  ${mnemonic}: [${forms.map((form) => form.code).join(", ")}],`);
  lines.push("};", "");
  return lines.join("\n");
}

const file = new URL("../src/asm/instructions.ts", import.meta.url);
const text = source(readForms());
if (!process.argv.includes("--check")) writeFileSync(file, text);
else if (readFileSync(file, "utf8") !== text) {
  console.error("src/asm/instructions.ts is not what scripts/generate-instructions.ts writes: run it again");
  process.exitCode = 1;
}
