/** Text inside the builder. */
import { hexBytes } from "guestwright";
import {
  al,
  AsmSyntaxError,
  assemble,
  code16,
  code32,
  code64,
  distance,
  dword,
  ecx,
  k1,
  masked,
  offset,
  qword,
  rax,
  rbx,
  rdi,
  zmm1,
} from "guestwright/asm";
import type { AnyCode } from "guestwright/asm";
import { expect, test } from "vitest";

const bytesOf = async (code: AnyCode): Promise<string> => hexBytes((await assemble(code as never)).bytes);

test("text and methods share their labels", async () => {
  const mixed = code64().label("start").asm`
    dec ecx
    jnz start
    jmp end        # defined below
  message: .asciz "Hi\n"
  `
    .lea(rdi, qword("message"))
    .label("end")
    .hlt();
  expect(await bytesOf(mixed)).toBe("ff c9 75 fc eb 0c 48 69 0a 00 48 8d 3c 25 06 00 00 00 f4");
});

test("values of every kind", async () => {
  const port = 0x3f8;
  const written = code64().asm`
    mov dx, ${port}
    mov ${rax}, ${0x1122334455667788n}
    mov eax, ${dword(rbx, 4)}
    mov rdi, ${offset("table")}
    mov ecx, ${distance("table", "end")}
    add al, [${rbx} + rcx*${4} - ${1}]
    vaddps ${masked(zmm1, k1)}, zmm2, zmm3
    jmp ${"table"}
    .balign ${8}
    ${"table"}: .quad ${offset("table", 8)}, ${"end"}
    .float ${1.5}
    end:`;
  const plain = code64().asm(`
    mov dx, 0x3f8
    mov rax, 0x1122334455667788
    mov eax, dword ptr [rbx + 4]
    mov rdi, offset table
    mov ecx, end - table
    add al, [rbx + rcx*4 - 1]
    vaddps zmm1{k1}, zmm2, zmm3
    jmp table
    .balign 8
    table: .quad table + 8, end
    .float 1.5
    end:`);
  expect(await bytesOf(written)).toBe(await bytesOf(plain));
});

test("a negative number keeps its sign in a sum", async () => {
  expect(await bytesOf(code64().asm`mov eax, 10 - ${-3}`)).toBe("b8 0d 00 00 00");
});

test("the text of a template is raw, so that escapes reach their strings", async () => {
  expect(await bytesOf(code64().asm`.ascii "a\n\x41\\"`)).toBe("61 0a 41 5c");
});

test("what follows a piece of text lies in the code again, whatever section the text ended in", async () => {
  const code = code16().asm`
    mov si, offset text
    .section .rodata
    text: .ascii "x"
  `.hlt();
  expect(await bytesOf(code)).toBe("be 04 00 f4 78");
});

test("numeric labels and constants are those of each piece", async () => {
  const spin = (times: number) => code32().asm`
    COUNT = ${times}
    mov ecx, COUNT
    1: loop 1b
  `;
  const code = code32().use(spin(1)).use(spin(2)).repeat(2, spin(3)).asm`1: jmp 1b`;
  expect(await bytesOf(code)).toBe([1, 2, 3, 3].map((times) => `b9 0${times} 00 00 00 e2 fe`).join(" ") + " eb fe");
});

test("code goes on in its own mode after text that changed it", async () => {
  const code = code16().asm`
    ljmp 8:protected
    .code32
    protected: mov eax, 1
  `.mov(al, 1);
  expect(await bytesOf(code)).toBe("ea 05 00 08 00 b8 01 00 00 00 b0 01");
});

test("statements tell the line of the program that holds the text", async () => {
  const here = Number(/template\.test\.ts:(\d+)/.exec(new Error("here").stack!)![1]);
  const code = code64().asm`nop
    hlt`.xor(ecx, ecx);
  const { listing } = await assemble(code);
  expect(listing.map(({ source }) => `${source?.file}:${source?.line}`)).toEqual([
    `test/asm/text/template.test.ts:${here + 1}`,
    `test/asm/text/template.test.ts:${here + 2}`,
    `test/asm/text/template.test.ts:${here + 2}`,
  ]);
});

test("an error in text tells the line of the program, and quotes the text", () => {
  const here = Number(/template\.test\.ts:(\d+)/.exec(new Error("here").stack!)![1]);
  const write = (): unknown => code64().asm`
    nop
    mov eax, ${Symbol("x") as never}`;
  expect(write).toThrow(AsmSyntaxError);
  expect(write).toThrow(
    [
      `test/asm/text/template.test.ts:${here + 3}:14: this value cannot stand here, expected a register, a number or a label`,
      "        mov eax, ${…}",
      "                 ^~~~",
    ].join("\n"),
  );
});

test("a value cannot stand inside a string, and is left out of comments", async () => {
  expect(() => code64().asm`.ascii "${1}"`).toThrow("a value cannot stand inside a string");
  expect(
    await bytesOf(code64().asm`nop # ${1}
    mov al, ${2}`),
  ).toBe("90 b0 02");
});

test("text is read where it is written, and adds nothing but nodes", () => {
  const nodes = code64().asm`rep movsb; lock inc dword ptr [rax]`.nodes;
  expect(nodes.map(({ kind }) => kind)).toEqual(["instruction", "instruction"]);
});

test("a label of no letters is refused where it stands", () => {
  expect(() => code64().asm`${""}: nop`).toThrow(
    /:\d+:1: unexpected "\$\{…\}", expected an instruction, a directive or a label with a colon/,
  );
});
