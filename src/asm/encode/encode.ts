/**
 * Encoding: instructions whose numbers are known, or pending, become bytes. Keystone writes; iced-x86 reads every
 * instruction back; what Keystone refuses or gets wrong, iced-x86 writes.
 */
import type * as Iced from "iced-x86";
import type { Form } from "../instructions/form.ts";
import { encodeWithIced } from "./iced-writer.ts";
import { decoderOf } from "./iced.ts";
import type { Keystone } from "./keystone.ts";
import { isKeystoneFault } from "./keystone-faults.ts";
import { printForKeystone } from "./keystone-printer.ts";
import { modes, type Mode } from "../mode.ts";
import { ReadBack } from "./read-back.ts";
import type { ResolvedInstruction } from "./resolved.ts";

/** Who wrote an instruction's bytes. */
export type Writer = "keystone" | "iced-x86";

/** What is to be encoded: an instruction and the forms that its operands fit. */
export interface Request {
  readonly instruction: ResolvedInstruction;
  /** Whether numbers in it are placeholders. */
  readonly isPending: boolean;
  readonly forms: readonly Form[];
}

/** The bytes of one instruction, verified, and where in them the numbers are. */
export interface Encoding {
  readonly bytes: Uint8Array;
  readonly writer: Writer;
  /** Which of the forms it is. */
  readonly form: Form;
  /** Offset and size in bytes; size 0 where there is none. */
  readonly displacement: { readonly offset: number; readonly size: number };
  /** An immediate, or a branch's distance. */
  readonly immediate: { readonly offset: number; readonly size: number };
}

/** So many statements go to Keystone at once: enough to make the call's own cost small, few enough for its heap. */
const batchSize = 512;

/** Encodes requests; equal ones are encoded once. */
export class Encoder {
  readonly #iced: typeof Iced;
  readonly #keystone: () => Promise<Keystone>;
  readonly #readBack: ReadBack;

  constructor(iced: typeof Iced, keystone: () => Promise<Keystone>) {
    this.#iced = iced;
    this.#keystone = keystone;
    this.#readBack = new ReadBack(iced);
  }

  /** The encodings, in the order of the requests; `undefined` for what neither writer can encode as written. */
  async encode(requests: readonly Request[]): Promise<(Encoding | undefined)[]> {
    const keys = requests.map(keyOf);
    const distinct = new Map(requests.map((request, i) => [keys[i]!, request]));
    const encodings = new Map<string, Encoding | undefined>();
    const batches = new Map<Mode, string[]>(modes.map((mode) => [mode, []]));
    for (const [key, request] of distinct) {
      const { mode } = request.instruction;
      if (isKeystoneFault(request.instruction, request.forms)) encodings.set(key, this.byIced(request));
      // A branch's distance depends on where it stands: alone, it stands at address 0.
      else if (isBranch(request)) await this.#batch(mode, [key], distinct, encodings);
      else batches.get(mode)!.push(key);
    }
    for (const [mode, batch] of batches) {
      for (let i = 0; i < batch.length; i += batchSize) {
        await this.#batch(mode, batch.slice(i, i + batchSize), distinct, encodings);
      }
    }
    return keys.map((key) => encodings.get(key));
  }

  /** Encodes some statements in one call; where that fails, in two halves, so that one bad statement is found quickly. */
  async #batch(
    mode: Mode,
    keys: readonly string[],
    requests: ReadonlyMap<string, Request>,
    encodings: Map<string, Encoding | undefined>,
  ): Promise<void> {
    const batch = keys.map((key) => requests.get(key)!);
    const read = await this.byKeystone(mode, batch);
    if (read !== undefined) keys.forEach((key, i) => encodings.set(key, read[i]));
    // A statement that no form on the list explains: what is written at its place is read back, and marked, all the same.
    else if (batch.length === 1) encodings.set(keys[0]!, this.byIced(batch[0]!));
    else {
      const middle = batch.length >> 1;
      await this.#batch(mode, keys.slice(0, middle), requests, encodings);
      await this.#batch(mode, keys.slice(middle), requests, encodings);
    }
  }

  /** What Keystone makes of some statements in one call; `undefined` where it refuses one or gets one wrong. */
  async byKeystone(mode: Mode, requests: readonly Request[]): Promise<readonly Encoding[] | undefined> {
    const text = requests.map(({ instruction }) => printForKeystone(instruction)).join("\n");
    const bytes = (await this.#keystone()).assemble(mode, text);
    return bytes === undefined ? undefined : this.#readAll(mode, bytes, requests);
  }

  /** Reads back what was written: every statement, in order, nothing left over; else `undefined`. */
  #readAll(mode: Mode, bytes: Uint8Array, requests: readonly Request[]): Encoding[] | undefined {
    const decoder = decoderOf(this.#iced, mode, bytes);
    const decoded = new this.#iced.Instruction();
    try {
      const encodings: Encoding[] = [];
      for (const request of requests) {
        const start = decoder.position;
        if (!decoder.canDecode) return undefined;
        decoder.ip = 0n;
        decoder.decodeOut(decoded);
        const form = this.#readBack.formOf(decoded, request.forms, request.instruction);
        if (form === undefined) return undefined;
        encodings.push({
          bytes: bytes.slice(start, decoder.position),
          writer: "keystone",
          form,
          ...numberPlaces(decoder, decoded),
        });
      }
      return decoder.canDecode ? undefined : encodings;
    } finally {
      decoded.free();
      decoder.free();
    }
  }

  /** The shortest encoding of the forms that fit; of equally short ones the first in iced-x86's order, as GNU as has it. */
  byIced({ instruction, isPending, forms }: Request): Encoding | undefined {
    let best: Encoding | undefined;
    for (const form of forms) {
      const bytes = encodeWithIced(this.#iced, form, instruction);
      if (bytes === undefined || (best !== undefined && bytes.length >= best.bytes.length)) continue;
      const read = this.#readAll(instruction.mode, bytes, [{ instruction, isPending, forms: [form] }]);
      if (read !== undefined) best = { ...read[0]!, writer: "iced-x86" };
    }
    return best;
  }
}

/** What two requests have in common whose encodings are the same. */
function keyOf({ instruction, forms }: Request): string {
  const { mode, implied, encoding } = instruction;
  const address = implied === undefined ? "" : ` ${implied.segment}:${implied.size}`;
  return `${mode} ${printForKeystone(instruction)} ${forms[0]?.code}/${forms.length}${address}${encoding ?? ""}`;
}

function isBranch({ forms }: Request): boolean {
  return forms[0]?.kinds[0]?.branch !== undefined;
}

function numberPlaces(decoder: Iced.Decoder, decoded: Iced.Instruction): Pick<Encoding, "displacement" | "immediate"> {
  const offsets = decoder.getConstantOffsets(decoded);
  try {
    return {
      displacement: { offset: offsets.displacementOffset, size: offsets.displacementSize },
      immediate: { offset: offsets.immediateOffset, size: offsets.immediateSize },
    };
  } finally {
    offsets.free();
  }
}
