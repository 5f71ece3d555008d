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
}
