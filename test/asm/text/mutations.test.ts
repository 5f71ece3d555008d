/** Broken text: whatever is written, there is an error or right bytes, soon, and the next good text is assembled as ever. */
import { hexBytes } from "guestwright";
import type { Mode } from "guestwright/asm";
import { AsmError, assembleText } from "guestwright/asm";
import { expect, test } from "vitest";
import { gnuAssemble, gnuDisassemble, gnuMissing, gnuProgram } from "../gnu.ts";
import { handWritten } from "./hand-written.ts";
import { macroPrograms } from "./macro-programs.ts";
import type { Random } from "./random-macros.ts";
import { numbersFrom } from "./random-macros.ts";

const alphabet = [
  ...Array.from("abcdefxyz0123456789 ,;:.[]()+-*/%&|^~!<>={}@$#\"'\\\n\t_"),
  ...["ptr", "offset", "0x", "rax", "1b", "\0", "é", "€", "\u{1f600}", "/*", "\ud800"],
];
/** What macros are made of, so that slips make other macros of them. */
const macroWords = [
  ...[".macro m x\n", ".endm\n", ".rept 99\n", ".endr\n", ".irp x, 1, 2, ", ".irpc x, ", ".exitm\n", ".purgem m\n"],
  ...[".if ", ".else\n", ".endif\n", "\\x", "\\@", "\\()", "\\", "m ", "m\n", ":req", ":vararg", "=", '"', "&x&", "\n"],
];

/** A statement with one to four slips. */
function mutate(statement: string, random: Random, others: readonly string[] = alphabet): string {
  let text = statement;
  for (let slips = 1 + random(4); slips > 0; slips--) {
    const at = random(text.length + 1);
    const other = others[random(others.length)]!;
    const length = 1 + random(3);
    text = [
      () => text.slice(0, at) + text.slice(at + length),
      () => text.slice(0, at) + other + text.slice(at),
      () => text.slice(0, at) + other + text.slice(at + length),
      () => text.slice(0, at) + text.slice(at, at + length) + text.slice(at),
      () => text.slice(0, at),
    ][random(5)]!();
  }
  return text;
}

const count = 4000;
const modes: readonly Mode[] = [16, 32, 64];
const mutations = (() => {
  const random = numbersFrom(20_240_229);
  return Array.from({ length: count }, (_, i) => {
    const mode = modes[i % 3]!;
    const all = handWritten(mode);
    return { mode, text: mutate(all[random(all.length)]!, random) };
  });
})();

interface Broken {
  readonly mode: Mode;
  readonly text: string;
}

interface Assembled extends Broken {
  readonly bytes: Uint8Array;
}

/** Assembles broken text; tells of what took more than 50 ms each of three times. */
async function tryAll(texts: readonly Broken[]): Promise<{ results: Assembled[]; slow: string[] }> {
  await assembleText(64, "nop");
  const results: Assembled[] = [];
  const slow: string[] = [];
  for (const { mode, text } of texts) {
    // A garbage collection or another process may take long: what is slow once is tried again.
    let duration = Number.POSITIVE_INFINITY;
    let bytes: Uint8Array | undefined;
    for (let tries = 0; tries < 3 && duration > 50; tries++) {
      const start = performance.now();
      try {
        ({ bytes } = await assembleText(mode, text));
      } catch (error) {
        if (!(error instanceof AsmError)) throw error;
      }
      duration = performance.now() - start;
    }
    if (duration > 50) slow.push(`${text}: ${duration} ms`);
    if (bytes !== undefined) results.push({ mode, text, bytes });
  }
  return { results, slow };
}

test("4,000 broken statements give an error or bytes within 50 ms each", { timeout: 120_000 }, async () => {
  const { results, slow } = await tryAll(mutations);
  console.log(
    `${count - results.length} of ${count} broken statements are errors, ${results.length} still mean something`,
  );
  expect(slow).toEqual([]);
  expect((await assembleText(64, "l: mov rax, [rip + l]; jmp l")).bytes).toEqual(
    Uint8Array.of(0x48, 0x8b, 0x05, 0xf9, 0xff, 0xff, 0xff, 0xeb, 0xf7),
  );
  if (gnuMissing() !== undefined) return;
  expect(disagreements(results)).toEqual([]);
});

test("2,000 broken programs of macros give an error or bytes within 50 ms each", { timeout: 120_000 }, async () => {
  const random = numbersFrom(101);
  const programs = Object.values(macroPrograms);
  const words = [...alphabet, ...macroWords, ...macroWords];
  const broken = Array.from({ length: 2000 }, (_, i) => {
    const text = mutate(programs[random(programs.length)]!, random, words);
    return { mode: modes[i % 3]!, text };
  });
  const { results, slow } = await tryAll(broken);
  console.log(`${2000 - results.length} of 2000 broken programs are errors, ${results.length} still mean something`);
  expect(slow).toEqual([]);
  if (gnuMissing() !== undefined) return;
  const wrong: string[] = [];
  // Each needs runs of its own: a part of them must do.
  for (const { mode, text, bytes } of results.filter((each) => each.bytes.length > 0).slice(0, 150)) {
    const gnu = gnuProgramOf(mode, text);
    if (gnu !== undefined && hexBytes(gnu) !== hexBytes(bytes))
      wrong.push(`${mode}-bit ${text}\nours ${hexBytes(bytes)}\nGNU  ${hexBytes(gnu)}`);
  }
  expect(wrong).toEqual([]);
});

/** What GNU as makes of a program; `undefined` where it refuses it. */
function gnuProgramOf(mode: Mode, text: string): Uint8Array | undefined {
  try {
    return gnuProgram(mode, text);
  } catch {
    return undefined;
  }
}

/** Statements to which GNU as gives another meaning, of those that it accepts. */
function disagreements(results: readonly Assembled[]): string[] {
  return modes.flatMap((mode) => {
    const comparable = results.filter(
      (each) =>
        each.mode === mode &&
        // One statement, whose bytes do not depend on others; comments and prefixes alone would reach into the next line.
        !/[\n;:=]|\/\*|^\s*(rep\w*|lock)\s*$|"[^"]*$|^\s*[./#]|\0/.test(each.text) &&
        each.bytes.length > 0,
    );
    const gnu = gnuAssemble(
      mode,
      comparable.map((each) => each.text.replaceAll(/\/\/.*$/gm, "")),
    );
    const different = comparable.flatMap((each, i) =>
      gnu[i] === undefined || hexBytes(gnu[i]) === hexBytes(each.bytes) ? [] : [{ ...each, gnu: gnu[i] }],
    );
    const read = gnuDisassemble(
      mode,
      different.flatMap((each) => [each.bytes, each.gnu]),
    );
    return different.flatMap((each, i) =>
      read[2 * i] === read[2 * i + 1] || gnuTruncates(each.text) || isLinkers(each.text)
        ? []
        : [`${mode}-bit ${JSON.stringify(each.text)}: ours ${read[2 * i]}, GNU ${read[2 * i + 1]}`],
    );
  });
}

/** GNU as cuts numbers off that are too large for their field, with a warning or without. */
const gnuTruncates = (text: string): boolean => /\d{9,}|0x[\da-f]{9,}/i.test(text);

/** The distance to a number is for the linker to know: GNU as alone leaves it open. */
const isLinkers = (text: string): boolean => /^\s*(j\w+|call|loop\w*)\s+\d\w*\s*$/i.test(text);

test("random characters give an error, never a crash", async () => {
  const random = numbersFrom(7);
  const crashes: string[] = [];
  for (let i = 0; i < 2000; i++) {
    const codes = Array.from({ length: random(60) }, () => random(i % 2 === 0 ? 128 : 0xffff));
    const text = String.fromCharCode(...codes);
    try {
      await assembleText(modes[i % 3]!, text);
    } catch (error) {
      if (!(error instanceof AsmError)) crashes.push(`${JSON.stringify(text)}: ${String(error)}`);
    }
  }
  expect(crashes).toEqual([]);
});

test.each([
  ["deep parentheses", `mov eax, ${"(".repeat(100_000)}1${")".repeat(100_000)}`],
  ["deep brackets", `mov eax, ${"[".repeat(50_000)}`],
  ["many signs", `mov eax, ${"-".repeat(100_000)}1`],
  ["a long sum", `.long ${"1+".repeat(100_000)}1`],
  ["a long sum of labels", `a: .long ${"a+".repeat(100_000)}a`],
  ["many digits", `.quad ${"9".repeat(1_000_000)}`],
  ["a long name", `.long ${"a".repeat(1_000_000)}`],
  ["an instruction that is none", `${"m".repeat(1_000_000)} eax`],
  ["a string without an end", `.ascii "${"a".repeat(1_000_000)}`],
  ["a comment without an end", `nop /*${" ".repeat(1_000_000)}`],
  ["symbols that double", `a = 1; ${"a = a * (b & 3) + a; ".repeat(100)} b: .long a`],
  ["symbols in a circle", "a = b; b = c; c = a; .long a"],
  ["a size in a circle", "a: .skip b - a + 1; b:"],
  ["repetition without bounds", ".rept 1000000000; nop; .endr"],
  ["nested repetition", `${".rept 1000; ".repeat(10)} nop; ${".endr; ".repeat(10)}`],
  ["a macro that calls itself", ".macro m; m; .endm; m"],
  ["a macro that calls itself twice", ".macro m; m; m; .endm; m"],
  ["a macro whose argument doubles", ".macro m a; m \\a\\a; .endm; m x"],
  ["a macro whose rest doubles", ".macro m a:vararg; m \\a, \\a; .endm; m x"],
  [
    "macros that call macros",
    `${Array.from({ length: 20 }, (_, i) => `.macro m${i}\n${`m${i + 1}\n`.repeat(10)}.endm\n`).join("")}m0`,
  ],
  ["recursion to a number", ".macro fib n; .if \\n > 1; fib (\\n-1); fib (\\n-2); .endif; .endm; fib 90"],
  ["repetition of repetition", `${".irp x, 1, 2, 3, 4, 5, 6, 7, 8; ".repeat(30)} nop; ${".endr; ".repeat(30)}`],
  ["a macro that repeats itself", ".macro m; .rept 1000; m; .endr; .endm; m"],
  ["a macro that defines itself", ".macro m; .purgem m; .macro m; nop; .endm; m; m; .endm; m; m; .error"],
  ["many characters", `.irpc x, ${"ab".repeat(100_000)}\n.irpc y, ${"ab".repeat(100_000)}\nnop\n.endr\n.endr`],
  ["half a macro", ".macro m; nop"],
  ["a huge gap", ".skip 0xffffffffffff"],
  ["many huge gaps", ".skip 0x8000000\n".repeat(100)],
  ["a huge alignment", ".balign 0x40000000\nnop\n.balign 0x40000000\nnop\n.balign 0x40000000"],
  ["a shift without bounds", ".quad 1 << 1000000000"],
  ["a product without bounds", `.quad ${"0x7fffffff * ".repeat(900)}1`],
  ["a float without bounds", ".double 1e999999999, 1e-999999999"],
  ["half a repetition", ".rept 3\nnop"],
  ["half a condition", ".if 1\nnop"],
])("%s", async (_, text) => {
  const start = performance.now();
  await expect(assembleText(32, text)).rejects.toBeInstanceOf(AsmError);
  expect(performance.now() - start).toBeLessThan(1000);
});
