/** Statements with other names for their labels. */
import type { Expression } from "../operands/expression.ts";
import { isExpression } from "../operands/expression.ts";
import type { Node } from "./node.ts";

/** An expression with other names for its labels. */
export function rename(expression: Expression, newName: (name: string) => string): Expression {
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
export function mapExpressions(node: Node, replace: (expression: Expression) => Expression): Node {
  const each = <T>(value: T): T => (isExpression(value) ? (replace(value) as T) : value);
  switch (node.kind) {
    case "instruction": {
      const operands = node.operands.map((operand) => {
        if (typeof operand !== "object") return operand;
        if (operand.kind === "memory") return { ...operand, displacement: each(operand.displacement) };
        if (operand.kind !== "far") return each(operand);
        return { ...operand, selector: each(operand.selector), offset: each(operand.offset) };
      });
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

/** Statements in which labels have other names: those for which `newName` gives one. */
function renameLabels(nodes: readonly Node[], newName: (name: string) => string): readonly Node[] {
  return nodes.map((node) => {
    const renamed = mapExpressions(node, (expression) => rename(expression, newName));
    return renamed.kind === "label" || renamed.kind === "constant"
      ? { ...renamed, name: newName(renamed.name) }
      : renamed;
  });
}

/** Statements with names for their own labels that nothing else can have; labels that they do not define stay. */
export function privately(nodes: readonly Node[], isOwn: (node: Node) => boolean, scope: number): readonly Node[] {
  const own = new Set(nodes.flatMap((node) => (isNamed(node) && isOwn(node) ? [node.name] : [])));
  if (own.size === 0) return nodes;
  return renameLabels(nodes, (name) => (own.has(name) ? `${name}@${scope}` : name)).map((node, i) =>
    node.kind === "label" && isOwn(nodes[i]!) ? { ...node, local: true } : node,
  );
}

/** Numeric labels are told apart by where they stand, as often as they are used. */
const isNamed = (node: Node): node is Extract<Node, { kind: "label" | "constant" }> =>
  node.kind === "constant" || (node.kind === "label" && !/^\d+$/.test(node.name));
