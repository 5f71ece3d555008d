/**
 * The order of statements: sections are gathered, each at its first statement's place, and numeric labels become names of
 * their own.
 */
import type { AlignNode, Node, SectionNode } from "../builder/node.ts";
import { mapExpressions, rename } from "../builder/rename.ts";
import { noNumericLabel } from "./check-labels.ts";

/** The statements in the order of their addresses. */
export function arrange(nodes: readonly Node[], origins: SectionOrigins = {}): readonly Node[] {
  const hasNumericLabels = nodes.some((node) => node.kind === "label" && isNumeric(node.name));
  return gatherSections(hasNumericLabels ? nameNumericLabels(nodes) : nodes, origins);
}

/** Where sections begin that do not follow the ones before them. */
export type SectionOrigins = Readonly<Record<string, bigint>>;

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
function gatherSections(nodes: readonly Node[], origins: SectionOrigins): readonly Node[] {
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
  const isLast = ({ section }: Gathered): boolean => section?.last === true;
  const isApart = ({ section }: Gathered): boolean => section !== undefined && Object.hasOwn(origins, section.name);
  const together = all.filter((each) => !isApart(each));
  const apart = all.filter(isApart).flatMap(({ nodes: inSection, section }): Node[] => {
    const { name, site } = section!;
    return [{ kind: "origin", name, address: origins[name]!, site }, ...inSection];
  });
  return [...inOrder([...together.filter((each) => !isLast(each)), ...together.filter(isLast)]), ...apart];
}

/** Sections one after another, each from a multiple of its largest alignment on. */
function inOrder(sections: readonly Gathered[]): readonly Node[] {
  return sections.flatMap(({ nodes: inSection, section }) => {
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
        throw noNumericLabel(label, direction === "b", node);
      }),
    );
  });
}
