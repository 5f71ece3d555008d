/** Programs of macros, made at random: definitions of every kind of parameter, and calls in every notation. */

/** A number below a bound, at random. */
export type Random = (below: number) => number;

/** A generator of numbers that gives the same ones each time: a test must be repeatable. */
export function numbersFrom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const pick = <T>(random: Random, values: readonly T[]): T => values[random(values.length)]!;
const several = <T>(random: Random, most: number, make: () => T): T[] => Array.from({ length: random(most + 1) }, make);

const names = ["a", "b", "reg", "n", "x1", "_v", "A", "mask"];

/** Values that are one argument. */
const whole = [
  ...[
    "1",
    "0x1f",
    "-1",
    "+2",
    "1+2",
    "1 + 2",
    "a",
    "a.b",
    "rax",
    "ebx",
    "%ecx",
    "$5",
    "~1",
    "~ 1",
    "(1 + 2)",
    "( 3*4 )",
  ],
  ...["[ebx + 4]", "[ebx - 4]", "es:[di]", "es : [di]", "*p", "'a'", "'b", "' '", "';'", "'('", "{k1}", "a@b", "a @ b"],
  ...["1 | 2", "7 & 3", "a&&b", '"q r"', '"x,y"', '""', '"n=5"', '"# c"', '"(a"', "/* c */ b", "5 << 2", "5>>2"],
  ...["6 / 2", "!q", "q ! r", "p ^ q", "l: m", "l : m", "é", "(1 2)", "[1 2 3]", "f(1 2)", "((a b) c)", "x'c'"],
];
/** Values that are several, or that white space changes. */
const parted = [
  ...["- 1", "1 - 2", "(1 2) 3", "(1 2)b 3", "[ebx+ecx*4] x", "x * y", "x 'c'", "'c' x", "{k1}{z} y", "a /* c */ b"],
  ...["a b", "x% y", "x %y", "a - b", "a -b", "a- b", "_ _", ". .", "a. b", "a) b", "a] %b", "1, 2", '"a" "b"', '"a"b'],
];
const value = (random: Random): string => pick(random, random(8) === 0 ? parted : whole);

const separators = [",", ", ", " , ", " ", "  ", "\t", " ,"];

interface Definition {
  readonly name: string;
  readonly parameters: readonly string[];
}

/** What a body does with a parameter, which is written `\P` there. */
const uses: readonly string[] = [
  String.raw`.ascii "<\P>"`,
  String.raw`.ascii "[\P|\P\()s|&P&&P|P]"`,
  String.raw`.ascii "\(P)\&P \P@" # \P`,
  String.raw`.ifb \P; .ascii "blank"; .else; .ascii "\P"; .endif`,
  '.ifnb \\P\n.irp i, \\P\n.ascii "/\\i\\()/"\n.endr\n.endif',
  '.irpc c, \\P\n.ascii "\\c|"\n.endr',
  ".ifc \\P,a\n.byte 1\n.else\n.byte 2\n.endif",
  ".ifnc \\P , 1+2\n.byte 3\n.endif",
  String.raw`l\@_K: .byte . - l\@_K # \P`,
  '.rept 2\n.ascii "\\P"\n.endr',
  '.ifeqs "\\P","a"\n.ascii "same"\n.exitm\n.endif',
  String.raw`.byte 1; .byte 2 /* \P */`,
];

function definition(
  name: string,
  earlier: readonly Definition[],
  random: Random,
): { definition: Definition; text: string } {
  const parameters = [...new Set(several(random, 4, () => pick(random, names)))];
  const written = parameters.map((each, i) => {
    const kind = random(8);
    if (kind === 0) return pick(random, [`${each}:req`, `${each} : req`]);
    if (kind <= 2) return `${each}${pick(random, ["=", " = "])}${value(random)}`;
    if (kind === 3 && i === parameters.length - 1) return `${each}:vararg`;
    return each;
  });
  const body = several(random, 5, () => {
    if (random(4) === 0 && earlier.length > 0)
      return call(
        pick(random, earlier),
        random,
        parameters.map((each) => `\\${each}`),
      );
    return parameters.length === 0 ? ".byte 7" : pick(random, uses).replaceAll("P", pick(random, parameters));
  });
  const header = `.macro ${name}${pick(random, parameters.length === 0 ? [" "] : [" ", ", ", "  "])}${written.join(pick(random, [", ", " ", ","]))}`;
  return { definition: { name, parameters }, text: [header, ...body, ".endm"].join("\n") };
}

function call({ name, parameters }: Definition, random: Random, own: readonly string[] = []): string {
  const one = (): string => (own.length > 0 && random(2) === 0 ? pick(random, own) : value(random));
  const count = random(16) === 0 ? random(6) : random(parameters.length + 1);
  const positional = Array.from({ length: count }, () => (random(8) === 0 ? "" : one()));
  const left = random(16) === 0 ? names : parameters.slice(count);
  const keywords =
    left.length === 0 ? [] : several(random, 1, () => `${pick(random, left)}${pick(random, ["=", " = "])}${one()}`);
  const written = random(5) === 0 ? name.toUpperCase() : name;
  return `${written} ${[...positional, ...keywords].join(pick(random, separators))}${pick(random, ["", "", " ", " # c"])}`;
}

/** A program of a few macros and calls. Its macros and labels have the number in their names, so that programs go together. */
export function randomMacros(number: number, random: Random): string {
  const definitions: Definition[] = [];
  const lines: string[] = [];
  for (let i = 0; i <= random(3); i++) {
    const made = definition(`m${number}_${i}`, definitions, random);
    definitions.push(made.definition);
    lines.push(made.text, ...several(random, 4, () => call(made.definition, random)));
  }
  return lines.join("\n").replaceAll("_K", `_${number}`);
}
