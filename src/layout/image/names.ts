/** Every name that an image knows, what it stands for, and the shorter forms in which people write it. */
import type { PhysAddr, VirtAddr } from "../../core/address.ts";
import { nearest } from "../../core/nearest.ts";
import { walk } from "../../paging/index.ts";
import type { Image } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { imageAddressSpace } from "./address-space.ts";
import { imageSymbols, programPath } from "./symbols.ts";

/**
 * What the value of a name is.
 *
 * - `program`, `section`, `label`: an address as the program's code sees it.
 * - `mapping`, `stack`, `table`: a linear address; virtual, where there is paging.
 * - `physical`: a physical address.
 * - `selector`: of a segment.
 * - `number`: a size, a limit, a count.
 */
export type ImageNameKind =
  | "program"
  | "section"
  | "label"
  | "mapping"
  | "stack"
  | "table"
  | "physical"
  | "selector"
  | "number";

/** A name, as guest code and messages write it. */
export interface NamedValue {
  /** The path in the description: `place.guest.msg`, `paging.map.text.size`. */
  readonly name: string;
  readonly kind: ImageNameKind;
  readonly value: bigint;
}

/** A name of an image. */
export interface ImageName extends NamedValue {
  /** The physical address of what lies there; `undefined` for what is no address, or leads to no memory at entry. */
  readonly physical: PhysAddr | undefined;
}

/** What a name stands for that is no program's, by its path: the first that fits. */
const kinds: readonly (readonly [path: RegExp, kind: ImageNameKind])[] = [
  [/^(?:memory|stacks|paging\.map)\..+\.size$|^(?:gdt|idt)\.limit$|^e820\.entries$/, "number"],
  [/^memory\.|^paging\.tables$|^paging\.map\..+\.phys$/, "physical"],
  [/^paging\.map\./, "mapping"],
  [/^stacks\./, "stack"],
  [/^gdt\.segments\.(?!.+\.base$)/, "selector"],
  [/^/, "table"],
];

/** What authors leave out at the beginning of a path. */
const beginnings = /^(?:paging\.map|paging|stacks|memory)\./;

/** What of an image has names. */
type NamedImage = Pick<Image, "programs" | "symbols" | "gdt">;

/** A name, and the shorter forms that stand for it where they stand for nothing else. */
interface WrittenName extends NamedValue {
  /** The first is what lists show. */
  readonly short: readonly string[];
}

/** The names of an image, those of programs first. */
function writtenNames(image: NamedImage): readonly WrittenName[] {
  const ofPrograms = image.programs.flatMap((program): WrittenName[] => {
    const { name, origin, sections, labels } = program;
    const path = programPath(name);
    const within = (kind: ImageNameKind, part: string, value: bigint): WrittenName => {
      return { name: `${path}.${part}`, kind, value, short: [`${name}.${part}`, part] };
    };
    return [
      { name: path, kind: "program", value: origin, short: [name] },
      ...sections.map((section) => within("section", section.name, section.origin)),
      ...Object.entries(labels).map(([label, value]) => within("label", label, value)),
    ];
  });
  // For guest code `gdt` is what GDTR holds; without a GDT in memory that is 0, and no address of anything.
  const known = new Set([...ofPrograms.map(({ name }) => name), ...(image.gdt?.at === undefined ? ["gdt"] : [])]);
  const others = Object.entries(image.symbols)
    .filter(([name]) => !known.has(name))
    .map(([name, value]): WrittenName => {
      const kind = kinds.find(([path]) => path.test(name))![1];
      return { name, kind, value, short: [name, name.replace(beginnings, "")] };
    });
  return [...ofPrograms, ...others];
}

/**
 * Every name that an image knows, with what it stands for: programs, their sections and labels, then mappings, stacks,
 * tables, memory, sizes and selectors. A GDT that is not in memory has no address, and is left out.
 *
 * @example
 * ```ts
 * imageNames(image)[0]; // { name: "place.guest", kind: "program", value: 0x40_0000n, physical: 0x4000n }
 * ```
 */
export function imageNames(image: Image): readonly ImageName[] {
  const labels = new Map(
    imageSymbols(image).map(({ program, label, physical }) => [`${programPath(program)}.${label}`, physical]),
  );
  const parts = new Map(
    image.programs.flatMap(({ name, phys, sections }) => [
      [programPath(name), phys] as const,
      ...sections.map((section) => [`${programPath(name)}.${section.name}`, section.phys] as const),
    ]),
  );
  const space = imageAddressSpace(image);
  const places: Readonly<Record<ImageNameKind, (named: NamedValue) => PhysAddr | undefined>> = {
    program: ({ name }) => parts.get(name),
    section: ({ name }) => parts.get(name),
    label: ({ name }) => labels.get(name),
    mapping: ({ value }) => leadsTo(value),
    stack: ({ value }) => leadsTo(value),
    table: ({ value }) => leadsTo(value),
    physical: ({ value }) => value,
    selector: () => undefined,
    number: () => undefined,
  };
  const leadsTo = (value: bigint): PhysAddr | undefined => {
    const { mode, page } = walk(space, value);
    return mode === "off" ? value : page?.phys;
  };
  return writtenNames(image).map(({ name, kind, value }) => {
    const named = { name, kind, value };
    return { ...named, physical: places[kind](named) };
  });
}

/**
 * What a name stands for.
 *
 * @param written a path such as `stacks.main` or `paging.map.data.size`; or, where that stands for one thing alone, the path
 *   without its beginning, as in `main` or `guest.msg`, or a label
 * @throws LayoutError `UNKNOWN_NAME`, with the nearest name; `AMBIGUOUS_NAME`, with the paths that a short form may stand for
 * @example
 * ```ts
 * findName(image, "guest.msg"); // { name: "place.guest.msg", kind: "label", value: 0x1018n }
 * ```
 */
export function findName(image: NamedImage, written: string): NamedValue {
  const names = writtenNames(image);
  const whole = names.filter(({ name }) => name === written);
  const found = whole.length > 0 ? whole : names.filter(({ short }) => short.includes(written));
  const [first] = found;
  if (first !== undefined) {
    if (found.every(({ value }) => value === first.value))
      return { name: first.name, kind: first.kind, value: first.value };
    throw new LayoutError(`${JSON.stringify(written)} has several places`, {
      code: "AMBIGUOUS_NAME",
      value: written,
      hint: `name one of them: ${found.map(({ name }) => name).join(", ")}`,
    });
  }
  const near = nearest(
    written,
    names.flatMap(({ name, short }) => [name, ...short]),
  );
  throw new LayoutError(`nothing is named ${JSON.stringify(written)}`, {
    code: "UNKNOWN_NAME",
    value: written,
    hint: near === undefined ? `there is ${listed(names) || "nothing"}` : `did you mean ${near}?`,
  });
}

/**
 * The address of a label, as the program's code sees it, or the value of another name of the description.
 *
 * @param name as for {@link findName}
 * @throws LayoutError `UNKNOWN_NAME` or `AMBIGUOUS_NAME`
 * @example
 * ```ts
 * addressOf(image, "guest.msg"); // 0x1018n
 * addressOf(image, "memory.ram.end"); // 0x1_0000n
 * ```
 */
export function addressOf(image: NamedImage, name: string): VirtAddr {
  return findName(image, name).value;
}

/** The most names that a hint lists. */
const mostNames = 20;

function listed(names: readonly WrittenName[]): string {
  const shown = names.slice(0, mostNames).map(({ short: [first] }) => first);
  return `${shown.join(", ")}${names.length > mostNames ? ", …" : ""}`;
}
