/** What an author is told who knows another assembler's syntax: each message once, in full. */
import { AsmError, assembleText, type Mode } from "guestwright/asm";
import { expect, test } from "vitest";

type Case = readonly [what: string, mode: Mode, text: string, message: readonly string[]];

const cases: readonly Case[] = [
  [
    "a suffix that a register contradicts",
    64,
    "addq eax, 1",
    [
      "guest.s:1:6: addq is of 64 bits, eax of 32",
      "    addq eax, 1",
      "         ^~~",
      "  hint: leave the size at the end of the name out",
    ],
  ],
  [
    "a suffix that a size contradicts",
    64,
    "movb word ptr [rax], 1",
    [
      "guest.s:1:6: movb is of 8 bits, the memory of 16",
      "    movb word ptr [rax], 1",
      "         ^~~~",
      "  hint: leave the size at the end of the name out",
    ],
  ],
  [
    "a suffix of another mode",
    32,
    "addq eax, 1",
    ["guest.s:1:1: 32-bit code has no addq", "    addq eax, 1", "    ^~~~", "  hint: 64-bit code has it"],
  ],
  [
    "AT&T's suffix of 32 bits",
    64,
    "movl $5, %ecx",
    [
      'guest.s:1:1: there is no instruction "movl"',
      "    movl $5, %ecx",
      "    ^~~~",
      "  hint: that is AT&T's syntax: write mov, with the destination first, and dword ptr before memory without a size",
    ],
  ],
  [
    "an encoding that cannot be chosen",
    64,
    "{disp32} mov eax, [rax]",
    [
      "guest.s:1:2: the encoding {disp32} cannot be chosen",
      "    {disp32} mov eax, [rax]",
      "     ^~~~~~",
      "  hint: these can: {vex}, {vex2}, {vex3}, {evex}, {load}, {store}",
    ],
  ],
  [
    "two choices of an encoding",
    64,
    "{vex} {load} vmovaps xmm0, xmm1",
    ["guest.s:1:7: the instruction has two choices of encoding", "    {vex} {load} vmovaps xmm0, xmm1", "          ^"],
  ],
  [
    "an encoding that there is not",
    64,
    "{vex} mov eax, ebx",
    ["guest.s:1:1: {vex} mov eax, ebx: there is no such encoding", "    {vex} mov eax, ebx", "    ^~~~~~~~~~~~~~~~~~"],
  ],
  [
    "AT&T's number",
    64,
    "mov $1, %eax",
    [
      'guest.s:1:5: "$1" is AT&T\'s syntax',
      "    mov $1, %eax",
      "        ^~",
      "  hint: write 1, and the destination before the source",
    ],
  ],
  [
    "AT&T's address of a label",
    64,
    "mov $msg, %rax",
    [
      'guest.s:1:1: label "$msg" is not defined',
      "    mov $msg, %rax",
      "    ^~~~~~~~~~~~~~",
      "  hint: that is AT&T's syntax: write offset msg",
    ],
  ],
  [
    "AT&T's memory",
    64,
    "mov 8(%rsp), %rax",
    [
      "guest.s:1:5: this is AT&T's syntax for memory",
      "    mov 8(%rsp), %rax",
      "        ^",
      "  hint: write [rsp+8], and the destination before the source",
    ],
  ],
  [
    "AT&T's memory without a displacement",
    64,
    "mov (%rax), %rbx",
    [
      "guest.s:1:5: this is AT&T's syntax for memory",
      "    mov (%rax), %rbx",
      "        ^",
      "  hint: write [rax], and the destination before the source",
    ],
  ],
  [
    "AT&T's memory with all that it can have",
    64,
    "mov %fs:-8(%rbp, %rcx, 4), %rax",
    [
      "guest.s:1:5: this is AT&T's syntax for memory",
      "    mov %fs:-8(%rbp, %rcx, 4), %rax",
      "        ^",
      "  hint: write fs:[rbp+rcx*4-8], and the destination before the source",
    ],
  ],
  [
    "AT&T's indirect branch",
    64,
    "jmp *%rax",
    ['guest.s:1:5: "*" before a target is AT&T\'s syntax', "    jmp *%rax", "        ^", "  hint: write rax"],
  ],
  [
    "AT&T's branch through memory",
    64,
    "call *8(%rax)",
    ['guest.s:1:6: "*" before a target is AT&T\'s syntax', "    call *8(%rax)", "         ^", "  hint: write [rax+8]"],
  ],
  [
    "AT&T's branch through a label",
    64,
    "call *table",
    [
      'guest.s:1:6: "*" before a target is AT&T\'s syntax',
      "    call *table",
      "         ^",
      "  hint: write the target without it",
    ],
  ],
  [
    "a prefix before what does not repeat",
    64,
    "rep mov rax, rbx",
    [
      "guest.s:1:5: the prefix rep cannot be written before mov",
      "    rep mov rax, rbx",
      "        ^~~",
      "  hint: it goes before string instructions and ret",
    ],
  ],
  [
    "going back",
    64,
    ".org 5\n.org 2",
    ["guest.s:2:1: .org 2: it would go back by 3 bytes", "    .org 2", "    ^~~~~~"],
  ],
  [
    "a numeric label before",
    64,
    "jmp 1b",
    ["guest.s:1:1: there is no label 1 before this", "    jmp 1b", "    ^~~~~~"],
  ],
  ["a numeric label after", 64, "jmp 2f", ["guest.s:1:1: there is no label 2 after this", "    jmp 2f", "    ^~~~~~"]],
  [
    "two characters",
    64,
    "mov al, 'ab'",
    [
      "guest.s:1:9: a character constant is one character",
      "    mov al, 'ab'",
      "            ^~~~",
      '  hint: a string is written "\u2026", after .ascii',
    ],
  ],
  [
    "another assembler's comment",
    64,
    "mov rax, 1 ; comment here",
    [
      'guest.s:1:14: there is no instruction "comment", expected an instruction, a directive or a label with a colon',
      "    mov rax, 1 ; comment here",
      "                 ^~~~~~~",
      '  hint: ";" separates statements; a comment begins with "#"',
    ],
  ],
  [
    "a slip of the pen behind a semicolon",
    64,
    "nop; movv rax, 1",
    [
      'guest.s:1:6: there is no instruction "movv", expected an instruction, a directive or a label with a colon',
      "    nop; movv rax, 1",
      "         ^~~~",
      "  hint: did you mean mov?",
    ],
  ],
];

test.each(cases)("%s", async (_, mode, text, message) => {
  const error: unknown = await assembleText(mode, text, { file: "guest.s" }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AsmError);
  expect((error as AsmError).message).toBe(message.join("\n"));
});
