/** Code compared statement by statement: what is inserted is one change, and what it moves is none. */
import {
  al,
  code16,
  code64,
  diffImages,
  imageChangesToText,
  layout,
  mem,
  rax,
  rbx,
  rcx,
  type Image,
} from "guestwright";
import { expect, test } from "vitest";
import type { Loose } from "../../descriptions.ts";

function image(code: Loose): Promise<Image> {
  return layout({
    mode: "long64",
    memory: { ram: { at: 0x0, size: "64KiB" } },
    paging: { tables: 0x0, map: { text: { virt: 0x0, phys: 0x8000, size: "4KiB", access: "rx" } } },
    place: { guest: { code, in: "text" } },
  }).build();
}

const words = async (before: Loose, after: Loose): Promise<string> =>
  imageChangesToText(diffImages(await image(before), await image(after)));

/** Code that jumps over what lies between, forth and back. */
const around = (between: Loose): Loose =>
  code64()
    .label("top")
    .mov(rax, mem("value"))
    .use(between)
    .dec(rcx)
    .jnz("top")
    .jmp("end")
    .label("end")
    .hlt()
    .label("value")
    .u64(7n);

test.each<[string, Loose, Loose, string]>([
  ["another operand", code64().mov(rax, 1), code64().mov(rax, 2), "guest: mov rax, 0x1 -> mov rax, 0x2"],
  [
    "one of many",
    code64().nop().mov(rax, 1).hlt(),
    code64().nop().mov(rbx, 1).hlt(),
    "guest+0x1: mov rax, 0x1 -> mov rbx, 0x1",
  ],
  ["one more", around(code64().nop()), around(code64().nop().nop()), "guest:top+0x9: added nop"],
  ["one less", around(code64().nop()), around(code64()), "guest:top+0x8: removed nop"],
  [
    "so many more that a branch has to be longer",
    around(code64()),
    around(code64().zero(200)),
    "guest:top+0x8: added zero 200",
  ],
  [
    "two in a row",
    around(code64().nop()),
    around(code64().cld().cli()),
    "guest:top+0x8: 1 line -> 2 lines\n  - nop\n  + cld\n  + cli",
  ],
  [
    "two places",
    code64().nop().cld().nop().nop(),
    code64().cli().nop().cld().nop(),
    "guest: added cli\nguest+0x2: removed nop",
  ],
  ["at the end", code64().nop(), code64().nop().hlt(), "guest+0x1: added hlt"],
  ["text", code64().hlt().asciz("Hello"), code64().hlt().asciz("Hallo"), 'guest+0x1: asciz "Hello" -> asciz "Hallo"'],
  ["bytes", code64().hlt().bytes([1, 2, 3, 4]), code64().hlt().bytes([1, 9, 3, 4]), "guest+0x1+0x1: 02 -> 09"],
  [
    "a label that is new",
    code64().nop().hlt(),
    code64().nop().label("done").hlt(),
    "label guest.done: added before hlt",
  ],
  [
    "a label that moved",
    code64().label("here").nop().cld().hlt(),
    code64().nop().cld().label("here").hlt(),
    "label guest.here: before nop -> before hlt",
  ],
  [
    "a label that is gone from the end",
    code64().nop().label("end"),
    code64().nop(),
    "label guest.end: removed at the end",
  ],
  [
    "a label with another name, and a jump to it",
    code64().label("one").jmp("one"),
    code64().label("two").jmp("two"),
    "guest:one: jmp one -> jmp two\nlabel guest.one: removed before jmp one\nlabel guest.two: added before jmp two",
  ],
])("%s", async (_, before, after, text) => {
  expect(await words(before, after)).toBe(text);
});

test("what is written elsewhere in the source is the same", async () => {
  const here = await image(code64().out(0x10, al).hlt());
  const there = await image(
    code64() //
      .out(0x10, al)

      .hlt(),
  );
  expect(here.programs[0]!.listing[1]!.source).not.toEqual(there.programs[0]!.listing[1]!.source);
  expect(diffImages(here, there)).toEqual([]);
});

test("statements that read the same and are encoded otherwise", async () => {
  const before = await image(code64().mov(rax, rbx).hlt());
  const [program] = before.programs;
  const [line, ...rest] = program!.listing;
  // MOV has two encodings for two registers: 89 /r and 8B /r (SDM vol. 2B, MOV).
  const bytes = Uint8Array.of(0x48, 0x8b, 0xc3);
  const chunks = before.chunks.map((chunk) =>
    chunk.name === "code guest" ? { ...chunk, bytes: Uint8Array.of(...bytes, 0xf4) } : chunk,
  );
  const after = { ...before, chunks, programs: [{ ...program!, listing: [{ ...line!, bytes }, ...rest] }] };
  expect(imageChangesToText(diffImages(before, after))).toBe("guest mov rax, rbx: 48 89 d8 -> 48 8b c3");
});

test("a program of another size of code", async () => {
  const real = (code: Loose): Promise<Image> =>
    layout({
      mode: "real16",
      memory: { ram: { at: 0x0, size: "64KiB" } },
      place: { first: { code: code16().hlt(), in: "ram" }, second: { code, in: "ram", offset: 0x100 } },
      entry: "first",
    }).build();
  const changes = diffImages(await real(code16().hlt()), await real(code64().hlt()));
  expect(imageChangesToText(changes)).toBe("program second: bits 16 -> 64");
});
