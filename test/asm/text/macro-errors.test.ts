/** What an author of macros is told: each message once, in full, with the line in the body and the line of the call. */
import { AsmError, assemble, assembleText, code64, listingToText } from "guestwright/asm";
import { expect, test } from "vitest";

async function mistake(text: string): Promise<AsmError> {
  const error = await assembleText(64, text, { file: "guest.s" }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AsmError);
  return error as AsmError;
}

const m = ".macro m a, b\nmov \\a, \\b\n.endm\n";

const cases: readonly (readonly [what: string, text: string, ...message: string[]])[] = [
  [
    "a mistake in a macro's body",
    ".macro m\nnop\n  movv eax, 1\n.endm\n  m",
    'guest.s:3:3: there is no instruction "movv", expected an instruction, a directive or a label with a colon',
    "      movv eax, 1",
    "      ^~~~",
    "  in macro m, called at guest.s:5:3",
    "  hint: did you mean mov?",
  ],
  [
    "a mistake in an argument",
    `${m}m eax, [ecx`,
    'guest.s:2:11: the statement ends here, expected "]"',
    "    mov \\a, \\b",
    "              ^",
    "  read as: mov eax, [ecx",
    "  in macro m, called at guest.s:4:1",
  ],
  [
    "operands that do not go together",
    `${m}nop; m al, ebx`,
    "guest.s:2:1: mov al, ebx: mov does not take these operands",
    "    mov \\a, \\b",
    "    ^~~~~~~~~~",
    "  read as: mov al, ebx",
    "  in macro m, called at guest.s:4:6",
    "  hint: it takes mov r/m8, r8 | mov r8, r/m8 | mov al, moffs8 | mov r8, imm8 | mov r/m8, imm8 | mov r/m32, r32 and 28 more",
  ],
  [
    "a macro that another calls",
    `${m}.macro two x\n  m \\x, 1\n  m \\x, 2\n.endm\ntwo [eax]`,
    "guest.s:2:1: mov [eax], 0x1: the size of the memory operand is not known",
    "    mov \\a, \\b",
    "    ^~~~~~~~~~",
    "  read as: mov [eax], 1",
    "  in macro m, called at guest.s:5:3",
    "  in macro two, called at guest.s:8:1",
    "  hint: write byte ptr [...], word ptr [...], dword ptr [...] or qword ptr [...]",
  ],
  [
    "a mistake in a repetition",
    ".irp x, 1, 300\n.byte \\x\n.endr",
    "guest.s:2:7: .byte holds -2^7 to 2^8 - 1, got 300",
    "    .byte \\x",
    "          ^~",
    "  read as: .byte 300",
  ],
  [
    "an error of the author's own",
    '.macro m size\n.if \\size > 4\n.error "too large"\n.endif\n.endm\nm 5',
    "guest.s:3:1: too large",
    '    .error "too large"',
    "    ^~~~~~",
    "  in macro m, called at guest.s:6:1",
  ],
  ["an error without words", ".err", "guest.s:1:1: the text has an error here: .err", "    .err", "    ^~~~"],
  [
    "recursion without an end",
    ".macro m\nm\n.endm\nm",
    "guest.s:2:1: macros and repetitions nest more than 101 deep",
    "    m",
    "    ^",
    ...["2", "2", "2"].map((line) => `  in macro m, called at guest.s:${line}:1`),
    "  in 97 calls more",
    "  in macro m, called at guest.s:4:1",
  ],
  [
    "too many statements",
    `${".rept 1000\n".repeat(3)}nop\n${".endr\n".repeat(3)}`,
    "guest.s:3:1: macros and repetitions make more than 1000000 statements",
    "    .rept 1000",
    "    ^~~~~",
  ],
  [
    "too many characters",
    '.macro m a\nm "\\a \\a"\n.endm\nm abcdefgh',
    "guest.s:2:1: macros make more than 2097152 characters",
    '    m "\\a \\a"',
    "    ^",
    `  read as: m "${"abcdefgh ".repeat(12).slice(0, 97)}`,
    ...["2", "2", "2"].map((line) => `  in macro m, called at guest.s:${line}:1`),
    "  in 12 calls more",
    "  in macro m, called at guest.s:4:1",
  ],
  [
    "too many calls",
    ".macro m\n.endm\n.rept 500\n.rept 500\nm\n.endr\n.endr",
    "guest.s:5:1: macros are called more than 200000 times",
    "    m",
    "    ^",
  ],
  [
    "too many arguments",
    `${m}m eax, dword ptr [ebx]`,
    "guest.s:4:14: m takes 2 arguments",
    "    m eax, dword ptr [ebx]",
    "                 ^~~",
    "  hint: white space ends an argument: put one that has some into quotes",
  ],
  [
    "an argument that is missing",
    ".macro m a:req, b\nnop\n.endm\nm ,5",
    "guest.s:4:1: m needs a value for a",
    "    m ,5",
    "    ^",
  ],
  [
    "a parameter that there is not",
    ".macro m first, second\nnop\n.endm\nm secnd=5",
    'guest.s:4:3: m has no parameter "secnd", expected first= or second=',
    "    m secnd=5",
    "      ^~~~~",
    "  hint: did you mean second?",
  ],
  [
    "an argument with an equals sign",
    `${m}m eax, 1+2==3`,
    "guest.s:4:8: an argument with = in it is none",
    "    m eax, 1+2==3",
    "           ^",
    "  hint: put it into parentheses or quotes",
  ],
  [
    "two values for a parameter",
    `${m}m eax, a=ebx`,
    "guest.s:4:8: a has a value already",
    "    m eax, a=ebx",
    "           ^",
  ],
  [
    "an argument without a name after one with a name",
    `${m}m b=1, eax`,
    "guest.s:4:8: an argument without a name follows one with a name",
    "    m b=1, eax",
    "           ^~~",
  ],
  [
    "a macro without a name",
    ".macro 5\n.endm",
    'guest.s:1:8: unexpected "5", expected the name of a macro',
    "    .macro 5",
    "           ^",
  ],
  [
    "a macro that is there already",
    ".macro Load\n.endm\n.macro load\n.endm",
    "guest.s:3:8: the macro Load is there already",
    "    .macro load",
    "           ^~~~",
    "  hint: .purgem Load removes it",
  ],
  [
    "a macro with the name of a directive",
    ".macro .byte x\n.endm",
    "guest.s:1:8: .byte is a directive, no macro",
    "    .macro .byte x",
    "           ^~~~~",
  ],
  [
    "a label before a definition",
    "m: .macro a\n.endm",
    "guest.s:1:1: no label stands before .macro",
    "    m: .macro a",
    "    ^",
  ],
  [
    "a parameter that is none",
    ".macro m a, 5\n.endm",
    "guest.s:1:13: this is no parameter, expected the name of a parameter",
    "    .macro m a, 5",
    "                ^",
  ],
  [
    "two parameters of one name",
    ".macro m a, a\n.endm",
    "guest.s:1:13: there are two parameters of the name a",
    "    .macro m a, a",
    "                ^",
  ],
  [
    "a parameter of no kind",
    ".macro m a:needed\n.endm",
    "guest.s:1:12: this is no kind of parameter, expected req or vararg",
    "    .macro m a:needed",
    "               ^~~~~~",
  ],
  [
    "a parameter after the rest",
    ".macro m a:vararg, b\n.endm",
    "guest.s:1:20: nothing follows a parameter that takes the rest of the line",
    "    .macro m a:vararg, b",
    "                       ^",
  ],
  [
    "a value that is never used",
    ".macro m a:req=5\n.endm",
    "guest.s:1:15: a needs a value from each call, so that no other is ever used",
    "    .macro m a:req=5",
    "                  ^",
  ],
  ["a macro without an end", "nop\n.macro m\nnop", "guest.s:2:1: .macro has no .endm", "    .macro m", "    ^~~~~~"],
  ["an end without a macro", ".endm", "guest.s:1:1: .endm has no .macro before it", "    .endm", "    ^~~~~"],
  [
    "a repetition that a macro opens only",
    ".macro m\n.rept 2\n.endm\nm\n.endr",
    "guest.s:2:1: .rept has no .endr",
    "    .rept 2",
    "    ^~~~~",
    "  in macro m, called at guest.s:4:1",
  ],
  [
    "a condition that a macro opens only",
    ".macro m\n.ifdef x\n.endm\nm\n.endif",
    "guest.s:2:1: .ifdef has no .endif",
    "    .ifdef x",
    "    ^~~~~~",
    "  in macro m, called at guest.s:4:1",
  ],
  ["an end of the text in a condition", ".if 1\n.end", "guest.s:1:1: .if has no .endif", "    .if 1", "    ^~~"],
  [
    "leaving nothing",
    ".exitm",
    "guest.s:1:1: .exitm leaves a macro or a repetition, and here is none",
    "    .exitm",
    "    ^~~~~~",
  ],
  [
    "removing a macro that there is not",
    `${m}.macro store\n.endm\n.purgem m, stor`,
    "guest.s:6:12: there is no macro stor",
    "    .purgem m, stor",
    "               ^~~~",
    "  hint: did you mean store?",
  ],
  [
    "a macro with a slip of the pen",
    ".macro print_number\n.endm\nprint_nubmer",
    'guest.s:3:1: there is no instruction "print_nubmer", expected an instruction, a directive or a label with a colon',
    "    print_nubmer",
    "    ^~~~~~~~~~~~",
    "  hint: did you mean print_number?",
  ],
  [
    "a repetition over nothing that has a name",
    ".irp 5, 6\n.endr",
    'guest.s:1:6: unexpected "5", expected the name of a parameter',
    "    .irp 5, 6",
    "         ^",
  ],
  [
    "characters that are several bytes",
    ".irpc c, aé\n.endr",
    "guest.s:1:10: .irpc takes ASCII characters, or a string of them",
    "    .irpc c, aé",
    "             ^~",
  ],
  [
    "a comparison of one text",
    ".ifc a\n.endif",
    'guest.s:1:6: two texts are compared, expected ","',
    "    .ifc a",
    "         ^",
  ],
  [
    "a branch after the last",
    ".if 0\n.else\n.elseif 1\n.endif",
    "guest.s:3:1: .elseif follows .else",
    "    .elseif 1",
    "    ^~~~~~~",
  ],
  ["a branch of nothing", ".else", "guest.s:1:1: .else has no .if before it", "    .else", "    ^~~~~"],
];

test.each(cases)("%s", async (_, text, ...message) => {
  expect((await mistake(text)).message).toBe(message.join("\n"));
});

test("an error tells as data where the macros were called", async () => {
  const { source } = await mistake(`${m}.macro outer\n  m eax, )\n.endm\n    outer`);
  expect(source).toEqual({
    file: "guest.s",
    line: 2,
    column: 9,
    expandedFrom: {
      macro: "m",
      file: "guest.s",
      line: 5,
      column: 3,
      expandedFrom: { macro: "outer", file: "guest.s", line: 7, column: 5 },
    },
  });
});

test("the listing tells of each statement the line in the body and the call", async () => {
  const text = `${m}.macro both a\n  m \\a, 1\n  nop\n.endm\nboth eax\n.irp r, ebx, ecx\nm \\r, 2\ninc \\r\n.endr`;
  const { listing } = await assembleText(64, text, { file: "guest.s" });
  const places = listing.map((line) => {
    const calls: string[] = [];
    for (let call = line.source?.expandedFrom; call !== undefined; call = call.expandedFrom)
      calls.push(`${call.macro}:${call.line}`);
    return `${line.text} ${line.source?.line} ${calls.join(" ")}`.trim();
  });
  expect(places).toEqual([
    "mov eax, 0x1 2 m:5 both:8",
    "nop 6 both:8",
    "mov ebx, 0x2 2 m:10",
    "inc ebx 11",
    "mov ecx, 0x2 2 m:10",
    "inc ecx 11",
  ]);
  const [first, , third, fourth] = listingToText(listing, { source: true }).split("\n");
  expect([first, third, fourth].map((line) => / (guest\.s:.*)$/.exec(line!)![1])).toEqual([
    // Of calls in calls, the one that its author wrote.
    "guest.s:2 in both of guest.s:8",
    "guest.s:2 in m of guest.s:10",
    "guest.s:11",
  ]);
});

test("values of a template in bodies and arguments", async () => {
  const mixed = code64().asm`
    .macro emit value, port=${0x3f8}
      mov al, \value + ${1}
      mov dx, \port
      out dx, al
    .endm
    emit ${5}
    emit (${7} * 2), ${0xe9}
    .irp r, ${"table"}, ${0x10}
      push \r
    .endr
    ${"table"}: .byte ${3}
  `;
  const plain = await assembleText(
    64,
    "mov al, 6; mov dx, 0x3f8; out dx, al; mov al, 15; mov dx, 0xe9; out dx, al; push table; push 0x10; table: .byte 3",
  );
  expect((await assemble(mixed)).bytes).toEqual(plain.bytes);
});
