/** What an author of text is told: each message once, in full, with line, column and mark. */
import { AsmError, AsmSyntaxError, assembleText, type Mode } from "guestwright/asm";
import { expect, test } from "vitest";

async function mistake(mode: Mode, text: string): Promise<AsmError> {
  const error = await assembleText(mode, text, { file: "guest.s" }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AsmError);
  return error as AsmError;
}

type Case = readonly [what: string, mode: Mode, text: string, message: string];

const syntax: readonly Case[] = [
  [
    "an instruction that there is not",
    64,
    "nop\n  movv rax, 1",
    [
      'guest.s:2:3: there is no instruction "movv", expected an instruction, a directive or a label with a colon',
      "      movv rax, 1",
      "      ^~~~",
      "  hint: did you mean mov?",
    ].join("\n"),
  ],
  [
    "an instruction of other modes",
    64,
    "pusha",
    ["guest.s:1:1: 64-bit code has no pusha", "    pusha", "    ^~~~~", "  hint: 16- and 32-bit code has it"].join(
      "\n",
    ),
  ],
  [
    "a directive that there is not",
    64,
    '.asci "x"',
    ['guest.s:1:1: there is no directive ".asci"', '    .asci "x"', "    ^~~~~", "  hint: did you mean .ascii?"].join(
      "\n",
    ),
  ],
  [
    "a directive that is not for this place",
    64,
    ".att_syntax",
    [
      "guest.s:1:1: .att_syntax cannot be written here",
      "    .att_syntax",
      "    ^~~~~~~~~~~",
      "  hint: write Intel syntax",
    ].join("\n"),
  ],
  [
    "the alternate syntax of macros",
    64,
    ".altmacro",
    [
      "guest.s:1:1: .altmacro cannot be written here",
      "    .altmacro",
      "    ^~~~~~~~~",
      String.raw`  hint: write \name for a parameter, and \@ in labels for a number of each call`,
    ].join("\n"),
  ],
  [
    "the C preprocessor",
    64,
    "#define PORT 0x3f8\nmov dx, PORT",
    [
      "guest.s:1:1: there is no C preprocessor here",
      "    #define PORT 0x3f8",
      "    ^~~~~~~~~~~~~~~~~~",
      "  hint: write NAME = value",
    ].join("\n"),
  ],
  [
    "a bracket without an end",
    64,
    "mov rax, [rbx",
    ['guest.s:1:14: the statement ends here, expected "]"', "    mov rax, [rbx", "                 ^"].join("\n"),
  ],
  [
    "a bracket too much",
    64,
    "mov rax, rbx]",
    [
      'guest.s:1:13: unexpected "]", expected "," or the end of the statement',
      "    mov rax, rbx]",
      "                ^",
    ].join("\n"),
  ],
  [
    "an operand that is missing",
    64,
    "mov rax,",
    ["guest.s:1:9: the statement ends here, expected an operand", "    mov rax,", "            ^"].join("\n"),
  ],
  [
    "a comma that is missing",
    64,
    "mov rax rbx",
    [
      'guest.s:1:9: unexpected "rbx", expected "," or the end of the statement',
      "    mov rax rbx",
      "            ^~~",
    ].join("\n"),
  ],
  [
    "a number in another notation",
    64,
    "mov al, 0ffh",
    ['guest.s:1:9: "0ffh" is no number', "    mov al, 0ffh", "            ^~~~", "  hint: write 0x0ff"].join("\n"),
  ],
  [
    "a number that is none",
    64,
    "mov al, 0xzz",
    [
      'guest.s:1:9: "0xzz" is no number',
      "    mov al, 0xzz",
      "            ^~~~",
      "  hint: numbers are written 0x1f, 0b101, 017 (octal) or 19",
    ].join("\n"),
  ],
  [
    "a character that means nothing",
    64,
    "mov al, `1`",
    ['guest.s:1:9: unexpected "`", expected a register, a number or a label', "    mov al, `1`", "            ^"].join(
      "\n",
    ),
  ],
  [
    "a string without an end",
    64,
    '.ascii "abc\nnop',
    ["guest.s:1:8: the string has no end, expected a closing quote", '    .ascii "abc', "           ^~~~"].join("\n"),
  ],
  [
    "a comment without an end",
    64,
    "nop /* and so on",
    ['guest.s:1:5: the comment has no end, expected "*/"', "    nop /* and so on", "        ^~"].join("\n"),
  ],
  [
    "an escape that is none",
    64,
    '.ascii "a\\q"',
    [
      'guest.s:1:10: \\q is no escape of one byte, expected \\n, \\t, \\", \\\\, \\101 or \\x41',
      '    .ascii "a\\q"',
      "             ^~",
    ].join("\n"),
  ],
  [
    "a size without ptr",
    64,
    "mov byte [rax], 1",
    [
      'guest.s:1:5: "ptr" is missing after "byte"',
      "    mov byte [rax], 1",
      "        ^~~~",
      "  hint: write byte ptr",
    ].join("\n"),
  ],
  [
    "a segment inside the brackets",
    64,
    "mov al, [fs:rax]",
    [
      "guest.s:1:10: a segment register stands before the brackets",
      "    mov al, [fs:rax]",
      "             ^~",
      "  hint: write fs:[...]",
    ].join("\n"),
  ],
  [
    "registers outside of brackets",
    64,
    "mov rax, rbx + 8",
    [
      "guest.s:1:10: registers are added inside of brackets",
      "    mov rax, rbx + 8",
      "             ^~~",
      "  hint: write [...]",
    ].join("\n"),
  ],
  [
    "a register that is subtracted",
    64,
    "mov rax, [rbx - rcx]",
    ["guest.s:1:15: a register cannot be subtracted", "    mov rax, [rbx - rcx]", "                  ^"].join("\n"),
  ],
  [
    "a scale that is none",
    64,
    "mov rax, [rbx*3]",
    ["guest.s:1:10: rbx is multiplied by 1, 2, 4 or 8, not by 3", "    mov rax, [rbx*3]", "             ^"].join("\n"),
  ],
  [
    "three registers",
    64,
    "mov rax, [rbx + rcx + rdx]",
    [
      "guest.s:1:10: an address cannot hold three registers",
      "    mov rax, [rbx + rcx + rdx]",
      "             ^",
      "  hint: an address is a base register, an index register with times(register, 1 | 2 | 4 | 8), numbers and labels, added up",
    ].join("\n"),
  ],
  [
    "registers of two widths",
    64,
    "mov rax, [rbx + ecx]",
    [
      "guest.s:1:10: an address cannot hold registers of two widths",
      "    mov rax, [rbx + ecx]",
      "             ^",
      "  hint: an address is a base register, an index register with times(register, 1 | 2 | 4 | 8), numbers and labels, added up",
    ].join("\n"),
  ],
  [
    "an address relative to the instruction",
    32,
    "mov eax, [rip + 4]",
    [
      "guest.s:1:10: 32-bit code has no addresses relative to the instruction",
      "    mov eax, [rip + 4]",
      "             ^",
    ].join("\n"),
  ],
  [
    "two prefixes",
    64,
    "rep lock movsb",
    ["guest.s:1:5: the instruction has two prefixes", "    rep lock movsb", "        ^~~~"].join("\n"),
  ],
  [
    "a prefix without an instruction",
    64,
    "nop\nrep",
    ["guest.s:2:3: the prefix rep has no instruction", "    rep", "      ^"].join("\n"),
  ],
  [
    "a prefix that is written otherwise",
    64,
    "rex.w fxsave [rbx]",
    [
      "guest.s:1:1: the prefix rex.w cannot be written here",
      "    rex.w fxsave [rbx]",
      "    ^~~~~",
      "  hint: sizes and segments are written at the operands: word ptr fs:[...]",
    ].join("\n"),
  ],
  [
    "a segment's prefix where no memory is read",
    64,
    "fs add eax, ebx",
    [
      "guest.s:1:4: the prefix fs cannot be written before add with these operands",
      "    fs add eax, ebx",
      "       ^~~",
      "  hint: sizes and segments are written at the operands: word ptr fs:[...]",
    ].join("\n"),
  ],
  [
    "an address size that the operand has not",
    64,
    "addr32 mov eax, [rbx]",
    [
      "guest.s:1:8: the prefix addr32 cannot be written before mov with these operands",
      "    addr32 mov eax, [rbx]",
      "           ^~~",
      "  hint: sizes and segments are written at the operands: word ptr fs:[...]",
    ].join("\n"),
  ],
  [
    "an operand size that the code has anyway",
    32,
    "data32 push 5",
    ["guest.s:1:1: the prefix data32 cannot be written here", "    data32 push 5", "    ^~~~~~"].join("\n"),
  ],
  [
    "two segments",
    32,
    "fs mov eax, gs:[ebx]",
    [
      "guest.s:1:4: the prefix fs cannot be written before mov with these operands",
      "    fs mov eax, gs:[ebx]",
      "       ^~~",
      "  hint: sizes and segments are written at the operands: word ptr fs:[...]",
    ].join("\n"),
  ],
  [
    "a prefix of indirect branches",
    64,
    "notrack jmp .",
    [
      "guest.s:1:9: the prefix notrack cannot be written before jmp with these operands",
      "    notrack jmp .",
      "            ^~~",
      "  hint: sizes and segments are written at the operands: word ptr fs:[...]",
    ].join("\n"),
  ],
  [
    "a segment in brackets",
    64,
    "mov eax, [fs+8]",
    [
      "guest.s:1:10: a segment register stands before the brackets",
      "    mov eax, [fs+8]",
      "             ^",
      "  hint: write fs:[...]",
    ].join("\n"),
  ],
  [
    "a string instruction of a size that there is not",
    64,
    "movs oword ptr [rdi], [rsi]",
    ["guest.s:1:6: movs: there is no movs of 128 bits", "    movs oword ptr [rdi], [rsi]", "         ^~~~~"].join("\n"),
  ],
  [
    "a product of an address",
    64,
    "mov eax, 2*4[rbx+1]",
    [
      "guest.s:1:11: an address in brackets after a value is only added to",
      "    mov eax, 2*4[rbx+1]",
      "              ^",
    ].join("\n"),
  ],
  [
    "two sizes, one of them in brackets",
    64,
    "jmp qword ptr [qword ptr 8[rbx]]",
    ["guest.s:1:5: the operand has two sizes", "    jmp qword ptr [qword ptr 8[rbx]]", "        ^~~~~"].join("\n"),
  ],
  [
    "a mask that is none",
    64,
    "vaddps zmm1{k9}, zmm2, zmm3",
    [
      'guest.s:1:13: unexpected "k9", expected k1 to k7, z or 1to2 to 1to32',
      "    vaddps zmm1{k9}, zmm2, zmm3",
      "                ^~",
    ].join("\n"),
  ],
  [
    "a string instruction at another address",
    64,
    "movs byte ptr [rax], byte ptr [rsi]",
    ["guest.s:1:6: movs: the destination is [rdi]", "    movs byte ptr [rax], byte ptr [rsi]", "         ^~~~"].join(
      "\n",
    ),
  ],
  [
    "a byte out of range",
    64,
    "nop\n.byte 1, 256",
    ["guest.s:2:10: .byte holds -2^7 to 2^8 - 1, got 256", "    .byte 1, 256", "             ^~~"].join("\n"),
  ],
  [
    "a number that labels decide",
    64,
    ".balign x\nx:",
    ["guest.s:1:9: the alignment must be known here, without labels", "    .balign x", "            ^"].join("\n"),
  ],
  [
    "an alignment that is none",
    64,
    ".balign 3",
    ["guest.s:1:9: .balign takes a power of two, got 3", "    .balign 3", "            ^"].join("\n"),
  ],
  [
    "a fill out of range",
    64,
    ".skip 3, 256",
    ["guest.s:1:10: the fill is -128 to 255, got 256", "    .skip 3, 256", "             ^~~"].join("\n"),
  ],
  [
    "repetition without an end",
    64,
    "nop\n.rept 3\nnop",
    ["guest.s:2:1: .rept has no .endr", "    .rept 3", "    ^~~~~"].join("\n"),
  ],
  [
    "an end without repetition",
    64,
    ".endr",
    ["guest.s:1:1: .endr has no .rept, .irp or .irpc before it", "    .endr", "    ^~~~~"].join("\n"),
  ],
  [
    "a condition without an end",
    64,
    ".if 1\nnop",
    ["guest.s:1:1: .if has no .endif", "    .if 1", "    ^~~"].join("\n"),
  ],
  [
    "a label that is a register",
    64,
    "rax: nop",
    ["guest.s:1:1: rax is a register, no label, expected a label of another name", "    rax: nop", "    ^~~"].join(
      "\n",
    ),
  ],
  [
    "a symbol that is a register",
    64,
    "cl = 5",
    ["guest.s:1:1: cl is a register, no symbol", "    cl = 5", "    ^~"].join("\n"),
  ],
  [
    "a division by zero",
    64,
    ".long 5 / (3 - 3)",
    ["guest.s:1:9: 0x5 is divided by zero", "    .long 5 / (3 - 3)", "            ^"].join("\n"),
  ],
  [
    "bits in a section of zeros",
    64,
    ".bss\nnop",
    ["guest.s:2:1: the section .bss holds zeros only", "    nop", "    ^~~"].join("\n"),
  ],
  [
    "a negative number where there is no sign",
    64,
    ".uleb128 1, -1",
    ["guest.s:1:13: .uleb128 holds no negative number, got -1", "    .uleb128 1, -1", "                ^"].join("\n"),
  ],
  [
    "a float that is none",
    64,
    ".float 1.2.3",
    [
      'guest.s:1:8: "1.2.3" is no number, expected a number such as 1.5, -2e10 or inf',
      "    .float 1.2.3",
      "           ^~~~~",
    ].join("\n"),
  ],
  [
    "a float out of range",
    64,
    ".float 1e39",
    ["guest.s:1:8: 1e39 is beyond what .float holds", "    .float 1e39", "           ^~~~"].join("\n"),
  ],
  [
    "a far address with a selector out of range",
    32,
    "jmp 0x10000:5",
    [
      "guest.s:1:5: the selector of a far address is a number from 0 to 0xffff",
      "    jmp 0x10000:5",
      "        ^~~~~~~",
    ].join("\n"),
  ],
];

test.each(syntax)("%s", async (_, mode, text, message) => {
  const error = await mistake(mode, text);
  expect(error.message).toBe(message);
  expect(error).toBeInstanceOf(AsmSyntaxError);
  expect(error.code).toBe("SYNTAX");
});

const others: readonly Case[] = [
  [
    "an undefined label",
    64,
    "nop\njmp strat\nstart:",
    ['guest.s:2:1: label "strat" is not defined', "    jmp strat", "    ^~~~~~~~~", "  hint: these are: start"].join(
      "\n",
    ),
  ],
  [
    "a register with a slip of the pen",
    64,
    "mov rxa, 1",
    [
      'guest.s:1:1: label "rxa" is not defined',
      "    mov rxa, 1",
      "    ^~~~~~~~~~",
      "  hint: did you mean the register rax?",
    ].join("\n"),
  ],
  [
    "a label defined twice",
    64,
    "a: nop\n  a: nop",
    [
      'guest.s:2:3: label "a" is defined twice',
      "      a: nop",
      "      ^",
      "  hint: the first definition is at guest.s:1",
    ].join("\n"),
  ],
  [
    "a numeric label that is not there",
    64,
    "1: nop\njmp 1f",
    ["guest.s:2:1: there is no label 1 after this", "    jmp 1f", "    ^~~~~~"].join("\n"),
  ],
  [
    "operands that do not go together",
    64,
    "nop\n  lea eax, ebx",
    [
      "guest.s:2:3: lea eax, ebx: lea does not take these operands",
      "      lea eax, ebx",
      "      ^~~~~~~~~~~~",
      "  hint: it takes lea r16, m | lea r32, m | lea r64, m",
    ].join("\n"),
  ],
  [
    "memory of no size",
    64,
    "inc [rax]",
    [
      "guest.s:1:1: inc [rax]: the size of the memory operand is not known",
      "    inc [rax]",
      "    ^~~~~~~~~",
      "  hint: write byte ptr [...], word ptr [...], dword ptr [...] or qword ptr [...]",
    ].join("\n"),
  ],
  [
    "a register that the mode lacks",
    16,
    "mov rax, 1",
    ["guest.s:1:1: 16-bit code has no register rax", "    mov rax, 1", "    ^~~~~~~~~~"].join("\n"),
  ],
  [
    "an immediate out of range",
    64,
    "add eax, 0x100000000",
    [
      "guest.s:1:1: add eax, 0x100000000: 0x100000000 is out of range",
      "    add eax, 0x100000000",
      "    ^~~~~~~~~~~~~~~~~~~~",
      "  hint: imm32 is -0x80000000..0xffffffff, imm8 of a 32-bit operand is -128..127, in add eax, imm32 | add r/m32, imm32 | add r/m32, imm8",
    ].join("\n"),
  ],
  [
    "a branch out of range",
    64,
    "far: .skip 200\nloop far",
    ["guest.s:2:1: loop far: the distance -202 does not fit 8 bits", "    loop far", "    ^~~~~~~~"].join("\n"),
  ],
  [
    "a symbol that depends on itself",
    64,
    "a = b\nb = a",
    ["guest.s:1:1: the value of a depends on itself", "    a = b", "    ^~~~~"].join("\n"),
  ],
  [
    "a size that depends on itself",
    64,
    "a: .skip b - a + 1\nb:",
    ["guest.s:1:1: zero b-a+1: its size depends on itself", "    a: .skip b - a + 1", "    ^~~~~~~~~~~~~~~~~~"].join(
      "\n",
    ),
  ],
  [
    "going back",
    64,
    "nop\nnop\n.org 1",
    ["guest.s:3:1: .org 1: it would go back by 1 bytes", "    .org 1", "    ^~~~~~"].join("\n"),
  ],
  [
    "a branch into another mode",
    16,
    "jmp there\n.code32\nthere: nop",
    [
      'guest.s:1:1: jmp there: "there" is 32-bit code, and this is 16-bit code',
      "    jmp there",
      "    ^~~~~~~~~",
      "  hint: only far transfers lead from one mode to another: ljmp(far(selector, label)), retf, iret",
    ].join("\n"),
  ],
];

test.each(others)("%s", async (_, mode, text, message) => {
  const error = await mistake(mode, text);
  expect(error.message).toBe(message);
  expect(error).not.toBeInstanceOf(AsmSyntaxError);
});

test("an error tells line, column, token, and what would be accepted", async () => {
  const error = (await mistake(64, "nop\n  mov rax, [rbx + )")) as AsmSyntaxError;
  const { line, column, token, expected, source } = error;
  expect({ line, column, token, expected }).toEqual({
    line: 2,
    column: 19,
    token: ")",
    expected: ["a register", "a number", "a label"],
  });
  expect(source).toEqual({ file: "guest.s", line: 2, column: 19 });
});

test("the mark stands below its token behind tabs, and in lines that are too long to quote", async () => {
  const tabs = await mistake(64, "\tmov\trax, @");
  expect(tabs.message.split("\n").slice(1)).toEqual(["    \tmov\trax, @", "    \t   \t     ^"]);
  const long = await mistake(64, `.byte ${"1, ".repeat(200)} ]`);
  const [, line, mark] = long.message.split("\n") as [string, string, string];
  expect(line.length).toBeLessThan(120);
  expect(line[mark.indexOf("^")]).toBe("]");
});

test("what is no mode and what is no text", async () => {
  await expect(assembleText(8 as 16, "nop")).rejects.toThrow("the mode is 16, 32 or 64, got 8");
  await expect(assembleText(64, undefined as unknown as string)).rejects.toThrow("the source is a string, got nothing");
  await expect(assembleText(16, "nop", { origin: 0x1_0000n })).rejects.toThrow(
    "an address of 16-bit code is a whole number from 0 to 2^16 - 1",
  );
  await expect(assembleText(64, "nop", { at: 0x1000 } as object)).rejects.toThrow(
    'assembleText has no option "at"\n  hint: it has origin and file',
  );
  expect((await assembleText(64, "nop", { origin: 0x1000 })).origin).toBe(0x1000n);
});
