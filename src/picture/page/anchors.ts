/** Where on the page the parts of an image are. */
import type { PhysAddr, VirtAddr } from "../../core/address.ts";
import type { Image, ImageProgram } from "../../layout/index.ts";
import { limits } from "./limits.ts";

/** A label, and a line of a listing that names it. */
export interface Mention {
  readonly name: string;
  /** The id of the line of the label, or of the name's row. */
  readonly target: string;
}

/** A name in a statement; text in quotes is none. */
const words = /"(?:[^"\\]|\\.)*"|[\w.@$?]+/g;

/** The ids of listing lines, names and chunks. Ids are numbers, as names may hold anything. */
export class Anchors {
  readonly #image: Image;
  /** The number of a program's first line among the lines of all. */
  readonly #firstLines: readonly number[];
  /** By program: its labels' lines. */
  readonly #labels: readonly ReadonlyMap<string, string>[];
  readonly #names = new Map<string, string>();

  constructor(image: Image) {
    this.#image = image;
    let first = 0;
    this.#firstLines = image.programs.map(({ listing }) => (first += listing.length) - listing.length);
    this.#labels = image.programs.map(({ listing }, program) => {
      const lines = listing.flatMap((line, index): [string, string][] => {
        const id = line.kind === "label" ? this.line(program, index) : undefined;
        return id === undefined ? [] : [[line.text, id]];
      });
      // Of labels by the same number the first has the name; the others are not told apart here.
      return new Map(lines.toReversed());
    });
    for (const [index, name] of Object.keys(image.symbols).entries()) {
      if (index < limits.rows) this.#names.set(name, `name-${index}`);
    }
    for (const [program, { name }] of image.programs.entries()) {
      // What the description places is named under `place`; the stubs of the IDT are `idt.stubs`.
      for (const path of [`place.${name}`, name.replaceAll(" ", ".")]) {
        for (const [label, id] of this.#labels[program]!) this.#names.set(`${path}.${label}`, id);
      }
    }
  }

  /** A line of a listing; `undefined` for one beyond what the page shows. */
  line(program: number, index: number): string | undefined {
    return this.#firstLines[program]! + index < limits.listingLines ? `line-${program}-${index}` : undefined;
  }

  /** A name that the description gave, such as `memory.ram` or `place.guest.start`. */
  name(name: string): string | undefined {
    return this.#names.get(name);
  }

  /** The line of the statement at an address as the code sees it. */
  codeAt(address: VirtAddr): string | undefined {
    for (const [program, { listing }] of this.#image.programs.entries()) {
      const index = listing.findIndex(({ address: at, bytes }) => address >= at && address < at + BigInt(bytes.length));
      if (index >= 0) return this.line(program, index);
    }
    return undefined;
  }

  /** The line of a place such as `guest:loop+0x2`. */
  place(text: string): string | undefined {
    for (const { name, origin, sections, labels } of this.#image.programs) {
      if (!text.startsWith(name)) continue;
      const [, inner, offset = "0"] = /^(?::(.*?))?(?:\+(0x[0-9a-f]+))?$/.exec(text.slice(name.length)) ?? [];
      const from = inner === undefined ? origin : startOf(inner, { labels, sections });
      const id = from === undefined ? undefined : this.codeAt(from + BigInt(offset));
      if (id !== undefined) return id;
    }
    return undefined;
  }

  /** The hexdump of the bytes at a physical address. */
  bytesAt(address: PhysAddr): string | undefined {
    const index = this.#image.chunks.findIndex(({ at, bytes }) => address >= at && address < at + BigInt(bytes.length));
    return index < 0 ? undefined : `bytes-${index}`;
  }

  /** A statement of a program in pieces: text, and names that the page has more about. */
  pieces(program: number, statement: string): readonly (string | Mention)[] {
    const pieces: (string | Mention)[] = [];
    let end = 0;
    for (const { 0: name, index } of statement.matchAll(words)) {
      // The first word is the mnemonic, though there may be a label of the same name.
      const target = index === 0 ? undefined : (this.#labels[program]!.get(name) ?? this.#names.get(name));
      if (target === undefined) continue;
      pieces.push(statement.slice(end, index), { name, target });
      end = index + name.length;
    }
    return [...pieces, statement.slice(end)];
  }
}

/** The address of a label, or of a section that lies apart. */
function startOf(name: string, { labels, sections }: Pick<ImageProgram, "labels" | "sections">): VirtAddr | undefined {
  return Object.hasOwn(labels, name) ? labels[name] : sections.find((section) => section.name === name)?.origin;
}
