/** Exits on their way into a transcript: copied, named, and joined where KVM may join them. */
import { hex } from "../../core/hex.ts";
import { msrNameOf } from "../abi/msr-names.ts";
import type { Exit } from "../exits/exits.ts";
import type { LoadableImage } from "../machine/load-image.ts";
import { GrowingBytes } from "./growing-bytes.ts";
import { fieldsOfKind } from "./recorded-fields.ts";
import type { TranscriptExit } from "./transcript.ts";

/** An exit, and of one of a port its data, which may come in parts. */
interface Entry {
  readonly exit: TranscriptExit;
  readonly data: GrowingBytes | undefined;
}

/** The exits of a run so far. */
export class Recording {
  readonly #memory: LoadableImage["memory"];
  readonly #entries: Entry[] = [];
  #last: Exit | undefined;

  constructor({ memory }: Pick<LoadableImage, "memory">) {
    this.#memory = memory;
  }

  /** The last exit, as it was given. */
  get last(): Exit | undefined {
    return this.#last;
  }

  /** Takes an exit with its answer. @param where the place of the instruction, where it is to be recorded */
  add(exit: Exit, where: string | undefined): void {
    this.#last = exit;
    const last = this.#entries.at(-1);
    if (last?.data !== undefined && isJoined(last.exit, exit)) return last.data.add(exit.data);
    const symbol = this.#symbolOf(exit);
    const notes = { ...(symbol === undefined ? {} : { symbol }), ...(where === undefined ? {} : { where }) };
    const recorded = recordExit(exit);
    const isOfPort = recorded.kind === "io-out" || recorded.kind === "io-in";
    this.#entries.push({
      exit: { ...recorded, ...notes },
      data: isOfPort ? new GrowingBytes(recorded.data) : undefined,
    });
  }

  /** All exits. */
  exits(): readonly TranscriptExit[] {
    return this.#entries.map(({ exit, data }) =>
      data === undefined ? exit : ({ ...exit, data: data.all() } as TranscriptExit),
    );
  }

  #symbolOf(exit: Exit): string | undefined {
    if (exit.kind === "rdmsr" || exit.kind === "wrmsr") return msrNameOf(exit.index);
    if (exit.kind !== "mmio-read" && exit.kind !== "mmio-write") return undefined;
    const region = this.#memory.find(({ at, size }) => exit.address >= at && exit.address < at + size);
    if (region === undefined) return undefined;
    return exit.address === region.at ? region.name : `${region.name}+${hex(exit.address - region.at)}`;
  }
}

/** What a transcript has of an exit. What it holds is a copy. */
export function recordExit(exit: Exit): TranscriptExit {
  const given = exit as unknown as Readonly<Record<string, unknown>>;
  const fields = Object.keys(fieldsOfKind(exit.kind)).map((name) => {
    const value = given[name];
    return [name, value instanceof Uint8Array ? value.slice() : value];
  });
  return { kind: exit.kind, ...Object.fromEntries(fields) } as TranscriptExit;
}

/** An exit that goes on from the one before it: KVM could have given both as one. */
type Continued = Extract<Exit, { readonly kind: "io-out" | "io-in" }>;

function isJoined(last: TranscriptExit, exit: Exit): exit is Continued {
  if (exit.kind !== "io-out" && exit.kind !== "io-in") return false;
  return last.kind === exit.kind && last.port === exit.port && last.size === exit.size;
}
