/** Which mapping an address belongs to. */
import type { VirtAddr } from "../core/address.ts";
import type { AddressSpace } from "./memory.ts";
import type { PagingModeRules } from "./modes.ts";
import { virtualAddress } from "./virtual-address.ts";

/** The name of the mapping that an address belongs to: of those that override the last one, else the only one. */
export function mappingNameAt({ mappings = [], absent = [] }: AddressSpace, address: VirtAddr): string | undefined {
  let found: string | undefined;
  for (const list of [mappings, absent]) {
    for (const { name, virt, size, override } of list) {
      if (address >= virt && address < virt + size && (found === undefined || override === true)) found = name;
    }
  }
  return found;
}

/** The names of pages that are asked for in the order of their addresses: looked up only where they may change. */
export class MappingNames {
  readonly #space: AddressSpace;
  readonly #rules: PagingModeRules;
  /** The first page of each mapping, and the page after its last, in order. */
  readonly #edges: readonly number[];
  #passed = 0;
  #name: string | undefined;

  constructor(space: AddressSpace, rules: PagingModeRules) {
    this.#space = space;
    this.#rules = rules;
    const edges = [...(space.mappings ?? []), ...(space.absent ?? [])].flatMap(({ virt, size }) => {
      const first = Number(BigInt.asUintN(rules.virtualBits, virt) >> 12n);
      return [first, first + Number(size >> 12n)];
    });
    this.#edges = [...new Set(edges)].toSorted((a, b) => a - b);
  }

  /** Whether some mapping begins or ends between the page asked for last and this one. */
  changesAt(page: number): boolean {
    return this.#passed < this.#edges.length && this.#edges[this.#passed]! <= page;
  }

  /** The name at a page: the number of a 4 KiB page, not below the one asked for last. */
  at(page: number): string | undefined {
    if (!this.changesAt(page)) return this.#name;
    while (this.changesAt(page)) this.#passed++;
    this.#name = mappingNameAt(this.#space, virtualAddress(this.#rules, page));
    return this.#name;
  }
}
