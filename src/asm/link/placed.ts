/** A statement's place. */
import type { Node } from "../builder/node.ts";
import type { Alternative } from "../encode/shapes.ts";

/** A statement with its place. */
export interface Placed {
  readonly node: Node;
  /** Shortest first; empty but for instructions. */
  readonly alternatives: readonly Alternative[];
  chosen: number;
  /** The address that its part of the code begins at, and how many bytes further on it lies. */
  base: bigint;
  offset: number;
  size: number;
}

/** The address of a statement. */
export function addressOfPlaced({ base, offset }: Placed): bigint {
  return base + BigInt(offset);
}
