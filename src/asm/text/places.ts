/** Where labels lie, as far as that is known while text is read: with nothing but data of known size between them. */
import type { Node } from "../builder/node.ts";
import { firstSection } from "../link/arrange.ts";
import type { Expression } from "../operands/expression.ts";
import { isConstant, simplest } from "../operands/expression.ts";

/** A place in a run of data of known size. */
interface Place {
  readonly run: number;
  /** In bytes, from the beginning of the run. */
  readonly offset: number;
}

/** What an expression adds up of one run. */
interface Sum {
  factor: number;
  offset: number;
}

/**
 * Finds distances. As with GNU as, a distance that is known here is a number like any other. Statements are looked at when
 * somebody asks, so that text without distances costs nothing.
 */
export class Places {
  readonly #nodes: readonly Node[];
  /** The number of statements that were looked at. */
  #looked = 0;
  readonly #labels = new Map<string, Place>();
  /** Where sections go on that were left. */
  readonly #left = new Map<string, Place>();
  #section: string = firstSection;
  #runs = 0;
  #run = 0;
  #offset = 0;

  /** The statements so far, to which others are added. */
  constructor(nodes: readonly Node[]) {
    this.#nodes = nodes;
  }

  /** Whether a label of a name stands before this place. */
  has(name: string): boolean {
    this.#look();
    return this.#labels.has(name);
  }

  #look(): void {
    for (; this.#looked < this.#nodes.length; this.#looked++) this.#take(this.#nodes[this.#looked]!);
  }

  #take(node: Node): void {
    switch (node.kind) {
      case "label":
        this.#labels.set(node.name, { run: this.#run, offset: this.#offset });
        break;
      case "numbers":
        this.#offset += node.width * node.values.length;
        break;
      case "bytes":
        this.#offset += node.bytes.length;
        break;
      case "repeat":
        if (isConstant(node.count)) this.#offset += Number(simplest(node.count)) * node.unit.length;
        else this.#begin();
        break;
      case "section":
        this.#enter(node.name);
        break;
      case "instruction":
      case "align":
      case "advance":
        this.#begin();
        break;
      case "constant":
      case "origin":
        break;
    }
  }

  /** An expression with numbers for the distances that are known; `.` is where the next statement lies. */
  resolve(expression: Expression): Expression {
    const { labels, here, constant } = expression;
    if (labels.length + Math.abs(here) < 2) return expression;
    this.#look();
    const sums = new Map<number, Sum>();
    const places = labels.map(({ name, factor }) => this.#count(sums, this.#placeOf(name), factor));
    const ofHere = this.#count(sums, { run: this.#run, offset: this.#offset }, here);
    const isKnown = (place: Place | undefined): boolean => place !== undefined && sums.get(place.run)!.factor === 0;
    const known = [...sums.values()].filter(({ factor }) => factor === 0);
    return {
      ...expression,
      labels: labels.filter((_, i) => !isKnown(places[i])),
      here: isKnown(ofHere) ? 0 : here,
      constant: known.reduce((sum, { offset }) => sum + BigInt(offset), constant),
    };
  }

  #count(sums: Map<number, Sum>, place: Place | undefined, factor: number): Place | undefined {
    if (place === undefined) return undefined;
    const sum = sums.get(place.run) ?? { factor: 0, offset: 0 };
    sum.factor += factor;
    sum.offset += factor * place.offset;
    sums.set(place.run, sum);
    return place;
  }

  /** `1b` is the label `1` that came last. */
  #placeOf(name: string): Place | undefined {
    return this.#labels.get(/^\d+b$/.test(name) ? String(Number(name.slice(0, -1))) : name);
  }

  #begin(): void {
    this.#run = ++this.#runs;
    this.#offset = 0;
  }

  #enter(section: string): void {
    this.#left.set(this.#section, { run: this.#run, offset: this.#offset });
    this.#section = section;
    const place = this.#left.get(section);
    if (place === undefined) this.#begin();
    else ({ run: this.#run, offset: this.#offset } = place);
  }
}
