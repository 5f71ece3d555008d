/** Which mapping an address belongs to. */
import type { VirtAddr } from "../core/address.ts";
import type { AbsentMapping, Mapping } from "./description.ts";
import type { AddressSpace } from "./memory.ts";
import type { PagingModeRules } from "./modes.ts";

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

/**
 * What an address is that no mapping has, in words: a gap that the address space names, or where it lies between mappings.
 * `undefined` where the address space names none.
 */
export function holeAt({ mappings = [], absent = [], gaps = [] }: AddressSpace, address: VirtAddr): string | undefined {
  const gap = gaps.find(({ virt, size }) => address >= virt && address < virt + size);
  if (gap !== undefined) return gap.what;
  let below: Mapping | AbsentMapping | undefined;
  let above: Mapping | AbsentMapping | undefined;
  for (const list of [mappings, absent]) {
    for (const each of list) {
      if (each.virt > address && (above === undefined || each.virt < above.virt)) above = each;
      if (each.virt <= address && (below === undefined || each.virt > below.virt)) below = each;
    }
  }
  const [lower, upper] = [below, above].map((each) => each && JSON.stringify(each.name));
  if (lower === undefined) return upper && `below ${upper}`;
  return upper === undefined ? `above ${lower}` : `between ${lower} and ${upper}`;
}

/** A place where a mapping begins or ends: the number of a virtual page of 4 KiB, without the sign extension. */
interface Edge {
  readonly page: number;
  readonly index: number;
  readonly begins: boolean;
}

/** The names of pages that are asked for in the order of their addresses: looked up only where they may change. */
export class MappingNames {
  readonly #mappings: readonly (Mapping | AbsentMapping)[];
  /** In the order of pages. */
  readonly #edges: readonly Edge[];
  /** The indices of the mappings that cover the page asked for last. */
  readonly #covering = new Set<number>();
  #passed = 0;
  #name: string | undefined;

  constructor({ mappings = [], absent = [] }: AddressSpace, { virtualBits }: PagingModeRules) {
    this.#mappings = [...mappings, ...absent];
    this.#edges = this.#mappings
      .flatMap(({ virt, size }, index): Edge[] => {
        const from = BigInt.asUintN(virtualBits, virt);
        return [
          { page: Number((from + 0xfffn) >> 12n), index, begins: true },
          { page: Number((from + size + 0xfffn) >> 12n), index, begins: false },
        ];
      })
      .toSorted((a, b) => a.page - b.page);
  }

  /** Whether some mapping begins or ends between the page asked for last and this one. */
  changesAt(page: number): boolean {
    return this.#passed < this.#edges.length && this.#edges[this.#passed]!.page <= page;
  }

  /** The name at a page: the number of a 4 KiB page, not below the one asked for last. */
  at(page: number): string | undefined {
    if (!this.changesAt(page)) return this.#name;
    for (; this.changesAt(page); this.#passed++) {
      const { index, begins } = this.#edges[this.#passed]!;
      if (begins) this.#covering.add(index);
      else this.#covering.delete(index);
    }
    this.#name = this.#winner()?.name;
    return this.#name;
  }

  /** As {@link mappingNameAt} has it. */
  #winner(): Mapping | AbsentMapping | undefined {
    let first = Infinity;
    let overriding = -1;
    for (const index of this.#covering) {
      first = Math.min(first, index);
      if (this.#mappings[index]!.override === true) overriding = Math.max(overriding, index);
    }
    return this.#mappings[overriding === -1 ? first : overriding];
  }
}
