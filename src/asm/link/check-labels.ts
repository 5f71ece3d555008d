/** Labels that are defined twice, or nowhere, or in code of another mode. */
import { AsmError } from "../asm-error.ts";
import { captureCallSite, locate } from "../builder/call-site.ts";
import { checkCode } from "../builder/check-code.ts";
import type { AnyCode } from "../builder/code-types.ts";
import type { Expression } from "../operands/expression.ts";
import { isExpression, labelsOf } from "../operands/expression.ts";
import type { Placed } from "./placed.ts";
import { statementToText } from "../listing.ts";
import type { Mode } from "../mode.ts";
import { nearest } from "../../core/nearest.ts";
import type { Node } from "../builder/node.ts";
import { expressionsOf } from "../encode/plan.ts";
import { registerNames } from "../text/register-names.ts";

/**
 * The builder's types find these mistakes as well; names that are computed are found here.
 *
 * @param symbols names that have their values from outside
 */
export function checkLabels(nodes: readonly Node[], symbols: ReadonlyMap<string, bigint>): void {
  const defined = new Map<string, Node>();
  for (const node of nodes) {
    if (node.kind !== "label" && node.kind !== "constant") continue;
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
    if (symbols.has(node.name)) {
      throw new AsmError(`label "${node.name}" is a symbol from outside, too`, {
        code: "DUPLICATE_LABEL",
        value: node.name,
        source: locate(node.site),
      });
    }
    defined.set(node.name, node);
  }
  for (const node of nodes) {
    for (const expression of expressionsIn(node)) {
      const missing = labelsOf(expression).find((name) => !defined.has(name) && !symbols.has(name));
      if (missing === undefined) continue;
      const [, number, direction] = /^(\d+)([bf])$/.exec(missing) ?? [];
      if (number !== undefined) throw noNumericLabel(number, direction === "b", node);
      throw new AsmError(`label "${missing}" is not defined`, {
        code: "UNDEFINED_LABEL",
        value: missing,
        source: locate(node.site),
        hint: hintAt(missing, [...defined.keys(), ...symbols.keys()], node.site.inText !== undefined),
      });
    }
  }
}

/** The error about `1b` or `1f` where no label 1 stands before or after it. */
export function noNumericLabel(number: string, isBefore: boolean, { site }: Node): AsmError {
  return new AsmError(`there is no label ${number} ${isBefore ? "before" : "after"} this`, {
    code: "UNDEFINED_LABEL",
    value: `${number}${isBefore ? "b" : "f"}`,
    source: locate(site),
  });
}

/**
 * The names that code defines: its labels and constants, without those of a piece of text.
 *
 * @example
 * ```ts
 * definedLabels(code64().label("spin").jmp("spin")); // ["spin"]
 * ```
 */
export function definedLabels(code: AnyCode): readonly string[] {
  const { nodes } = checkCode("definedLabels takes", code, () => captureCallSite(definedLabels));
  return nodes.flatMap((node) =>
    node.kind === "constant" || (node.kind === "label" && node.local !== true) ? [node.name] : [],
  );
}

/**
 * The names that code uses and does not define: it can be assembled where they have values from outside.
 *
 * @example
 * ```ts
 * undefinedLabels(code64().label("spin").call("tick").jmp("spin")); // ["tick"]
 * ```
 */
export function undefinedLabels(code: AnyCode): readonly string[] {
  const { nodes } = checkCode("undefinedLabels takes", code, () => captureCallSite(undefinedLabels));
  const defined = new Set(
    nodes.flatMap((node) => (node.kind === "label" || node.kind === "constant" ? [node.name] : [])),
  );
  const used = new Set(nodes.flatMap((node) => expressionsIn(node).flatMap(labelsOf)));
  return [...used].filter((name) => !defined.has(name));
}

/** So many labels are listed; of more, only one that is spelled alike. */
const mostListed = 12;

function hintAt(missing: string, defined: readonly string[], isInText: boolean): string {
  if (isInText && missing.startsWith("$")) return `that is AT&T's syntax: write offset ${missing.slice(1)}`;
  const close = nearest(missing, defined);
  // In text a register with a slip of the pen is a label that nobody defined.
  const register = isInText && close === undefined ? nearest(missing, registerNames()) : undefined;
  if (register !== undefined) return `did you mean the register ${register}?`;
  if (close !== undefined && defined.length > mostListed) return `did you mean ${close}?`;
  const listed = defined.slice(0, mostListed).join(", ");
  if (defined.length === 0) return "the code defines no label";
  return defined.length > mostListed
    ? `these are, and ${defined.length - mostListed} more: ${listed}`
    : `these are: ${listed}`;
}

function expressionsIn(node: Node): readonly Expression[] {
  switch (node.kind) {
    case "instruction":
      return expressionsOf(node);
    case "numbers":
      return node.values.filter(isExpression);
    case "advance":
      return [node.to];
    case "repeat":
      return [node.count];
    case "constant":
      return [node.value];
    default:
      return [];
  }
}

/** A near branch stays in its code segment, and so in its mode: it cannot reach code of another. */
export function checkBranches(statements: readonly Placed[]): void {
  const used = new Set<Mode>();
  for (const { node } of statements) if (node.kind === "instruction") used.add(node.mode);
  if (used.size < 2) return;
  const modes = new Map<string, Mode>();
  for (const { node } of statements) if (node.kind === "label") modes.set(node.name, node.mode);
  for (const { node, alternatives } of statements) {
    if (node.kind !== "instruction" || alternatives[0]!.request.forms[0]!.written[0]?.branch === undefined) continue;
    const [target] = node.operands;
    const label = isExpression(target)
      ? labelsOf(target).find((name) => (modes.get(name) ?? node.mode) !== node.mode)
      : undefined;
    if (label === undefined) continue;
    throw new AsmError(
      `${statementToText(node)}: "${label}" is ${modes.get(label)}-bit code, and this is ${node.mode}-bit code`,
      {
        code: "BAD_OPERANDS",
        value: label,
        source: locate(node.site),
        hint: "only far transfers lead from one mode to another: ljmp(far(selector, label)), retf, iret",
      },
    );
  }
}
