/** The symbols that text gives values: `NAME = value`, `.set`, `.equ`. */
import type { CallSite } from "../builder/call-site.ts";
import type { Expression } from "../operands/expression.ts";
import { add, addressOf, calculate, isConstant, labelsOf, simplest } from "../operands/expression.ts";
import type { ConstantNode, Node } from "../builder/node.ts";
import { Places } from "./places.ts";

interface Symbol_ {
  readonly value: Expression;
  readonly site: CallSite;
}

/** So many parts may a value have; symbols that are built of symbols would otherwise grow without end. */
const mostParts = 1000;

/** The values that names have at a place in the text. */
export class Symbols {
  readonly #values = new Map<string, Symbol_>();
  readonly #usedBefore = new Set<string>();
  readonly places: Places;

  /** `nodes` are the statements so far, to which others are added. */
  constructor(nodes: readonly Node[]) {
    this.places = new Places(nodes);
  }

  /** What a name means here: a value that it was given before, else the label of that name. */
  valueOf(name: string): Expression {
    const symbol = this.#values.get(name);
    if (symbol !== undefined) return symbol.value;
    this.#usedBefore.add(name);
    return addressOf(name);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Gives a name a value from here on. `false` where the value has too many parts. */
  define(name: string, value: Expression, site: CallSite): boolean {
    if (parts(value) > mostParts) return false;
    this.#values.set(name, { value, site });
    return true;
  }

  /** Statements for the linker: for all symbols, or for those that were used before they had a value. */
  nodes(all: boolean): ConstantNode[] {
    const wanted = [...this.#values].filter(([name]) => all || this.#usedBefore.has(name));
    return wanted.map(([name, { value, site }]) => ({ kind: "constant", name, value, site }));
  }

  /** A symbol whose value depends on itself, if there is one. */
  circular(): { readonly name: string; readonly site: CallSite } | undefined {
    const done = new Set<string>();
    for (const [start, { site }] of this.#values) {
      // Each name is on the path while what it depends on is looked at.
      const path: { name: string; left: string[] }[] = [{ name: start, left: this.#dependencies(start) }];
      const onPath = new Set([start]);
      while (path.length > 0) {
        const { name, left } = path.at(-1)!;
        const next = left.pop();
        if (next === undefined) {
          path.pop();
          onPath.delete(name);
          done.add(name);
        } else if (onPath.has(next)) return { name: start, site };
        else if (!done.has(next)) {
          onPath.add(next);
          path.push({ name: next, left: this.#dependencies(next) });
        }
      }
    }
    return undefined;
  }

  #dependencies(name: string): string[] {
    const symbol = this.#values.get(name);
    return symbol === undefined ? [] : labelsOf(symbol.value).filter((each) => this.#values.has(each));
  }
}

function parts({ labels, calculated }: Expression): number {
  const inCalculated = (calculated ?? []).flatMap(({ operands }) => operands.map(parts));
  return inCalculated.reduce((sum, each) => sum + each, 1 + labels.length);
}

/** An expression with a label in the place of `.`. */
export function atLabel(expression: Expression, label: string): Expression {
  const { here, calculated, ...rest } = expression;
  const base: Expression = { ...rest, here: 0 };
  const linear = add(base, calculate("*", addressOf(label), constantOf(here)));
  if (calculated === undefined) return linear;
  return {
    ...linear,
    calculated: calculated.map((each) => ({ ...each, operands: each.operands.map((one) => atLabel(one, label)) })),
  };
}

const constantOf = (value: number): Expression => ({
  kind: "expression",
  labels: [],
  here: 0,
  constant: BigInt(value),
});

/** Whether an expression names `.`, in whatever depth. */
export function namesHere({ here, calculated }: Expression): boolean {
  return here !== 0 || (calculated ?? []).some(({ operands }) => operands.some(namesHere));
}

/** The value of an expression that no label decides; `undefined` for others. */
export function constantValue(expression: Expression): bigint | undefined {
  return isConstant(expression) ? (simplest(expression) as bigint) : undefined;
}
