/**
 * The order of statements: sections are gathered, each at its first statement's place, and numeric labels become names of
 * their own.
 */
import type { Expression } from "./expression.ts";
import { isExpression } from "./expression.ts";
import type { AlignNode, Node, SectionNode } from "./node.ts";
import { AsmError } from "./asm-error.ts";
import { locate } from "./call-site.ts";

/** The statements in the order of their addresses. */
export function arrange(nodes: readonly Node[]): readonly Node[] {
  const hasNumericLabels = nodes.some((node) => node.kind === "label" && isNumeric(node.name));
  return gatherSections(hasNumericLabels ? nameNumericLabels(nodes) : nodes);
}

/** What comes before the first section statement belongs here, as with GNU as. */
export const firstSection = ".text";

interface Gathered {
  readonly nodes: Node[];
  readonly section: SectionNode | undefined;
}

/**
 * Sections follow one another in the order in which their names first appear, those without bits last; each begins at
 * its largest alignment.
 */
function gatherSections(nodes: readonly Node[]): readonly Node[] {
  if (!nodes.some((node) => node.kind === "section")) return nodes;
  const sections = new Map<string, Gathered>();
  let current: Gathered = { nodes: [], section: undefined };
  sections.set(firstSection, current);
  for (const node of nodes) {
    if (node.kind !== "section") {
      current.nodes.push(node);
      continue;
    }
    const known = sections.get(node.name);
    // The first section counts from where something is in it.
    if (known !== undefined && (known.nodes.length > 0 || known.section !== undefined)) current = known;
    else {
      current = { nodes: [], section: node };
      sections.delete(node.name);
      sections.set(node.name, current);
    }
  }
  const all = [...sections.values()].filter((each) => each.nodes.length > 0);
  const isLast = ({ section }: Gathered) => section?.last === true;
  return [...all.filter((each) => !isLast(each)), ...all.filter(isLast)].flatMap(({ nodes: inSection, section }) => {
    const alignment = inSection.reduce(
      (most, node) => (node.kind === "align" ? Math.max(most, node.alignment) : most),
      1,
    );
    if (alignment === 1 || section === undefined) return inSection;
    const align: AlignNode = { kind: "align", alignment, fill: 0, site: section.site };
    return [align, ...inSection];
  });
}

const isNumeric = (name: string): boolean => /^\d+$/.test(name);

/** Gives each definition of a numeric label a name of its own, and each `1b` or `1f` that of the definition it means. */
function nameNumericLabels(nodes: readonly Node[]): readonly Node[] {
  const total = new Map<string, number>();
  for (const node of nodes) if (node.kind === "label") total.set(node.name, (total.get(node.name) ?? 0) + 1);
  const seen = new Map<string, number>();
  return nodes.map((node) => {
    if (node.kind === "label" && isNumeric(node.name)) {
      const instance = (seen.get(node.name) ?? 0) + 1;
      seen.set(node.name, instance);
      return { ...node, name: `${node.name}@${instance}`, local: true };
    }
    return mapExpressions(node, (expression) =>
      rename(expression, (name) => {
        const [, label, direction] = /^(\d+)([bf])$/.exec(name) ?? [];
        if (label === undefined) return name;
        const instance = (seen.get(label) ?? 0) + (direction === "f" ? 1 : 0);
        if (instance >= 1 && instance <= (total.get(label) ?? 0)) return `${label}@${instance}`;
        throw new AsmError(`there is no label ${label} ${direction === "b" ? "before" : "after"} this`, {
          code: "UNDEFINED_LABEL",
          value: name,
          source: locate(node.site),
        });
      }),
    );
  });
}

function rename(expression: Expression, newName: (name: string) => string): Expression {
  const { labels, calculated } = expression;
  return {
    ...expression,
    labels: labels.map(({ name, factor }) => ({ name: newName(name), factor })),
    ...(calculated === undefined
      ? {}
      : {
          calculated: calculated.map((each) => ({
            ...each,
            operands: each.operands.map((operand) => rename(operand, newName)),
          })),
        }),
  };
}

/** A statement with its expressions replaced. */
function mapExpressions(node: Node, replace: (expression: Expression) => Expression): Node {
  const each = <T>(value: T): T => (isExpression(value) ? (replace(value) as T) : value);
  switch (node.kind) {
    case "instruction": {
      const operands = node.operands.map((operand) =>
        typeof operand === "object" && operand.kind === "memory"
          ? { ...operand, displacement: each(operand.displacement) }
          : each(operand),
      );
      return { ...node, operands };
    }
    case "numbers":
      return { ...node, values: node.values.map(each) };
    case "advance":
      return { ...node, to: replace(node.to) };
    case "repeat":
      return { ...node, count: replace(node.count) };
    case "constant":
      return { ...node, value: replace(node.value) };
    default:
      return node;
  }
}
