/** The values of numbers, given where labels and the statement that holds the number are. */
import type { Expression, Surroundings } from "../operands/expression.ts";
import { evaluate } from "../operands/expression.ts";
import { addressOfPlaced, type Placed } from "./placed.ts";

/** Evaluates the numbers of one statement after another. */
export class Values implements Surroundings {
  readonly #labels: ReadonlyMap<string, bigint>;
  here = 0n;
  after = 0n;

  constructor(labels: ReadonlyMap<string, bigint>) {
    this.#labels = labels;
  }

  addressOf(label: string): bigint {
    return this.#labels.get(label)!;
  }

  /** Goes on to another statement; in data, the number stands `offset` bytes from its beginning. */
  moveTo(statement: Placed, offset = 0): void {
    const address = addressOfPlaced(statement);
    this.here = offset === 0 ? address : address + BigInt(offset);
    this.after = address + BigInt(statement.size);
  }

  /** The value that goes into a field. A distance is taken round the end of the address space, as the CPU does. */
  of(number: bigint | Expression, { relative, extendedTo }: { relative: boolean; extendedTo: number }): bigint {
    const value = typeof number === "bigint" ? number : evaluate(number, this);
    return relative ? BigInt.asIntN(extendedTo, value - this.after) : value;
  }
}
