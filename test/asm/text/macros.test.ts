/** Macros and repetitions against GNU as: programs by hand, and programs made at random. */
import { hexBytes } from "guestwright";
import type { Mode } from "guestwright/asm";
import { AsmError, assembleText } from "guestwright/asm";
import { describe, expect, test } from "vitest";
import { gnuAssemble, gnuMissing, gnuProgram } from "../gnu.ts";
import { macroPrograms } from "./macro-programs.ts";
import { numbersFrom, randomMacros } from "./random-macros.ts";

const missing = gnuMissing();
const modes = [16, 32, 64] as const;

/** The bytes of a text, or the first line of the error. */
async function assembled(mode: Mode, text: string): Promise<string> {
  try {
    return hexBytes((await assembleText(mode, text)).bytes);
  } catch (error) {
    if (!(error instanceof AsmError)) throw error;
    return error.message.split("\n")[0]!;
  }
}

/** What GNU as takes, some with a warning, and what is an error here: escapes that mean nothing, and half characters. */
const refusedHere = /has a value already|is no escape of one byte|\.irpc takes ASCII characters/;

describe.skipIf(missing !== undefined)(`against GNU as${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  test.each(modes.flatMap((mode) => Object.entries(macroPrograms).map(([what, text]) => [mode, what, text] as const)))(
    "%i-bit: %s",
    async (mode, _, text) => {
      expect(await assembled(mode, text)).toBe(hexBytes(gnuProgram(mode, text)));
    },
  );

  test.each(modes)("%i-bit: 700 programs at random", { timeout: 120_000 }, async (mode) => {
    const random = numbersFrom(mode);
    const programs = Array.from({ length: 700 }, (_, i) => `\n${randomMacros(i, random)}`);
    const gnu = gnuAssemble(mode, programs);
    const wrong: string[] = [];
    let same = 0;
    for (const [i, text] of programs.entries()) {
      const ours = await assembled(mode, text);
      const theirs = gnu[i] === undefined ? undefined : hexBytes(gnu[i]);
      if (ours === theirs) same++;
      else if (theirs === undefined ? !ours.startsWith("source:") : !refusedHere.test(ours))
        wrong.push(`${text}\nours: ${ours}\nGNU: ${theirs ?? "an error"}`);
    }
    const refused = gnu.filter((each) => each === undefined).length;
    console.log(`${mode}-bit: of 700 programs ${same} have the same bytes, and GNU as refuses ${refused}`);
    expect(wrong).toEqual([]);
    expect(same).toBeGreaterThan(250);
  });
});
