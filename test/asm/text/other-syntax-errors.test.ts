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
];

test.each(cases)("%s", async (_, mode, text, message) => {
  const error: unknown = await assembleText(mode, text, { file: "guest.s" }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AsmError);
  expect((error as AsmError).message).toBe(message.join("\n"));
});
