/** The forms of every instruction. */
import type * as Iced from "iced-x86";
import { readForms, type Form } from "./form.ts";
import { instructionCodes } from "./instruction-codes.ts";
import type { Mode } from "../mode.ts";
import type { Mnemonic } from "../builder/node.ts";

/** Reads forms, once for each mnemonic and mode. */
export class FormTable {
  readonly #iced: typeof Iced;
  readonly #forms = new Map<string, readonly Form[]>();
  readonly #withEvex = new Map<Mnemonic, boolean>();

  constructor(iced: typeof Iced) {
    this.#iced = iced;
  }

  /** All forms of a mnemonic in a mode. */
  of(mnemonic: Mnemonic, mode: Mode): readonly Form[] {
    const key = `${mnemonic} ${mode}`;
    let forms = this.#forms.get(key);
    if (forms === undefined) {
      forms = readForms(this.#iced, instructionCodes[mnemonic], mode);
      this.#forms.set(key, forms);
    }
    return forms;
  }

  /** Whether a mnemonic has EVEX forms: 64-bit code has all that there are. */
  hasEvex(mnemonic: Mnemonic): boolean {
    let found = this.#withEvex.get(mnemonic);
    if (found === undefined) {
      found = this.of(mnemonic, 64).some((form) => form.encoding === "evex");
      this.#withEvex.set(mnemonic, found);
    }
    return found;
  }
}
