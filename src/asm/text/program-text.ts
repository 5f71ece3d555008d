/** What reading text builds up: statements, sections, symbols. */
import type { CallSite } from "../builder/call-site.ts";
import type { Expression } from "../operands/expression.ts";
import { addressOf } from "../operands/expression.ts";
import { firstSection } from "../link/arrange.ts";
import type { Mode } from "../mode.ts";
import type { LabelNode, Node, Prefix } from "../builder/node.ts";
import type { SourceText } from "./source-text.ts";
import type { SectionKind } from "./section-table.ts";
import { sectionKind } from "./section-table.ts";
import type { Macro } from "./macro.ts";
import { Symbols } from "./symbols.ts";

/** A program as far as it is read. */
export class ProgramText {
  /** The text that is being read: what the author wrote, or what a macro made. */
  source: SourceText;
  /** By their names in lower case. */
  readonly macros: Map<string, Macro> = new Map();
  /** How many calls of macros were read. */
  calls = 0;
  readonly nodes: Node[] = [];
  readonly symbols: Symbols = new Symbols(this.nodes);
  mode: Mode;
  section: SectionKind = sectionKind(firstSection, undefined, undefined);
  /** A prefix that was written as a statement of its own. */
  prefix: Prefix | undefined;
  readonly #sections = new Map<string, SectionKind>([[firstSection, this.section]]);
  /** Sections that were left, for `.popsection` and `.previous`. */
  readonly #stack: SectionKind[] = [];
  #previous: SectionKind = this.section;
  readonly #beginnings = new Set<string>();
  readonly #tag: number;
  #names = 0;

  constructor(source: SourceText, mode: Mode) {
    this.source = source;
    this.#tag = source.text.length;
    this.mode = mode;
  }

  add(node: Node): void {
    this.nodes.push(node);
  }

  /** A label at this place that no text can name. */
  placeHere(site: CallSite): string {
    const name = `here@${++this.#names}@${this.#tag}`;
    this.add(this.#label(name, site));
    return name;
  }

  /** The address of the first byte of the section that is being written; `undefined` for the code's own beginning. */
  beginningOfSection(): Expression | undefined {
    const { name } = this.section;
    if (!this.nodes.some((node) => node.kind === "section" && node.name === name)) return undefined;
    this.#beginnings.add(name);
    return addressOf(beginningOf(name));
  }

  enter(section: SectionKind, site: CallSite): void {
    const { name } = section;
    this.#previous = this.section;
    // As with GNU as, the first mention of a section says what it is.
    this.section = this.#sections.get(name) ?? section;
    this.#sections.set(name, this.section);
    this.add({ kind: "section", name, last: this.section.isZero, site });
  }

  push(): void {
    this.#stack.push(this.section);
  }

  /** Goes back to the section that was pushed last. `false` where none was. */
  pop(site: CallSite): boolean {
    const section = this.#stack.pop();
    if (section !== undefined) this.enter(section, site);
    return section !== undefined;
  }

  goBack(site: CallSite): void {
    this.enter(this.#previous, site);
  }

  /** The statements, with labels at the beginnings of sections where something counts from there. */
  finish(): Node[] {
    if (this.#beginnings.size === 0) return this.nodes;
    const left = new Set(this.#beginnings);
    return this.nodes.flatMap((node) => {
      if (node.kind !== "section" || !left.delete(node.name)) return [node];
      return [node, this.#label(beginningOf(node.name), node.site)];
    });
  }

  #label(name: string, site: CallSite): LabelNode {
    return { kind: "label", name, mode: this.mode, local: true, site };
  }
}

const beginningOf = (section: string): string => `section ${section}`;
