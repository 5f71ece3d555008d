/** Fragments, macros, repetition, and sections at addresses of their own. */
import { hexBytes } from "guestwright";
import { al, assemble, code16, code64, cx, dx, ecx, rax, rip, rsi, offset, type AnyCode } from "guestwright/asm";
import { describe, expect, test } from "vitest";
import { gnuMissing, gnuSections } from "./gnu.ts";

const bytesOf = async (code: Parameters<typeof assemble>[0]): Promise<string> =>
  hexBytes((await assemble(code as never)).bytes);

/** A macro with a label of its own. */
const wait = (count: number) => code64().mov(ecx, count).label("again").dec(ecx).jnz("again");

test("a macro is a function that returns code", async () => {
  const print = (character: string) => code64().mov(al, character.charCodeAt(0)).out(0xe9, al);
  expect(await bytesOf(code64().use(print("A")).use(print("B")))).toBe("b0 41 e6 e9 b0 42 e6 e9");
});

test("a macro with labels can be used twice where they are local", async () => {
  const twice = code64().local(wait(1)).local(wait(2)).hlt();
  expect(await bytesOf(twice)).toBe("b9 01 00 00 00 ff c9 75 fc b9 02 00 00 00 ff c9 75 fc f4");
  expect([...(await assemble(twice)).labels.keys()]).toEqual([]);
});

test("the labels of a used fragment are as good as written there", async () => {
  const subroutine = code64().label("leaf").ret();
  const { labels } = await assemble(code64().call("leaf").hlt().use(subroutine));
  expect(labels).toEqual(new Map([["leaf", 6n]]));
});

test("local labels of fragments within fragments stay apart", async () => {
  const outer = code64().local(wait(1)).label("again").jmp("again");
  const code = code64().local(outer).use(outer).local(outer);
  const one = "b9 01 00 00 00 ff c9 75 fc eb fe";
  expect(await bytesOf(code)).toBe([one, one, one].join(" "));
});

test("a fragment may use labels that only its user defines", async () => {
  expect(await bytesOf(code64().label("top").local(code64().jmp("top")).jmp("top"))).toBe("eb fe eb fc");
});

test("repetition, with what changes", async () => {
  expect(await bytesOf(code64().repeat(3, code64().hlt()))).toBe("f4 f4 f4");
  expect(await bytesOf(code64().repeat(3, (i) => code64().mov(al, i)))).toBe("b0 00 b0 01 b0 02");
  expect(await bytesOf(code64().repeat(2, wait(1)).repeat(0, wait(1)))).toBe(
    "b9 01 00 00 00 ff c9 75 fc b9 01 00 00 00 ff c9 75 fc",
  );
  expect(() => code64().repeat(-1, code64())).toThrow("repeat takes a number of times, got -1");
});

test("a fragment of another mode is refused", () => {
  const fragment = code16().mov(cx, 1) as unknown as ReturnType<typeof code64>;
  expect(() => code64().use(fragment)).toThrow("a fragment of 16-bit code in 64-bit code");
});

test("the same code gives the same listing, whatever was built before it", async () => {
  const build = async (): Promise<unknown> =>
    (await assemble(code64().local(wait(1)).local(wait(2)))).listing.map(({ text }) => text);
  expect(await build()).toEqual(await build());
});

test("statement style: loops are TypeScript's, labels are values", async () => {
  const guest = code64((code) => {
    const done = code.newLabel();
    for (const character of "Hi") {
      code.mov(al, character.charCodeAt(0));
      code.out(0xe9, al);
    }
    code.mov(ecx, 3);
    const again = code.label();
    code.dec(ecx);
    code.jz(done);
    code.jmp(again);
    code.place(done);
    code.rep.outsb();
    code.u8(1, 2);
    code.use(code64().hlt());
  });
  expect(await bytesOf(guest)).toBe("b0 48 e6 e9 b0 69 e6 e9 b9 03 00 00 00 ff c9 74 02 eb fa f3 6e 01 02 f4");
});

test("statement style: labels without a name stay apart where such code is taken in, twice or into its like", async () => {
  const loop = () =>
    code64((code) => {
      const again = code.label();
      code.dec(ecx);
      code.jnz(again);
    });
  expect(await bytesOf(code64().use(loop()).use(loop()))).toBe("ff c9 75 fc ff c9 75 fc");
  const outer = code64((code) => {
    const top = code.label();
    code.use(loop());
    code.use(loop());
    code.jmp(top);
  });
  const program = await assemble(outer);
  expect(hexBytes(program.bytes)).toBe("ff c9 75 fc ff c9 75 fc eb f6");
  expect([...program.labels.keys()]).toEqual([]);
});

test("statement style: an error names the statement's line", async () => {
  let line = 0;
  const guest = code64((code) => {
    line = Number(/composition\.test\.ts:(\d+)/.exec(new Error("here").stack!)![1]) + 1;
    code.jmp("nowhere");
  });
  await expect(assemble(guest)).rejects.toThrow(`test/asm/composition.test.ts:${line}: label "nowhere" is not defined`);
});

const missing = gnuMissing();

describe.skipIf(missing !== undefined)(`sections apart${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  test("two sections at distant addresses, with references both ways, as GNU as and ld have them", async () => {
    const guest = code64()
      .lea(rsi, rip("message"))
      .mov(rax, offset("message"))
      .call("far")
      .label("back")
      .hlt()
      .section(".far")
      .label("far")
      .mov(dx, 0x1000)
      .jmp("back")
      .align(8, 0)
      .label("message")
      .u64(offset("back"), offset("message"))
      .section(".text")
      .jmp("far");
    const { bytes, sections, labels } = await assemble(guest, { origin: 0x1000n, sections: { ".far": 0x4000_0000n } });
    const text = `
      lea rsi, [rip + message]
      mov rax, offset message
      call far_
      back: hlt
      .section .far, "ax"
      far_: mov dx, 0x1000
      jmp back
      .balign 8, 0
      message: .quad back, message
      .text
      jmp far_`;
    const gnu = gnuSections(64, text, { ".text": 0x1000, ".far": 0x4000_0000 });
    expect(hexBytes(bytes)).toBe(hexBytes(gnu[".text"]));
    expect(sections.map(({ name, origin }) => [name, origin])).toEqual([[".far", 0x4000_0000n]]);
    expect(hexBytes(sections[0]!.bytes)).toBe(hexBytes(gnu[".far"]));
    expect(labels.get("far")).toBe(0x4000_0000n);
  });

  test("beyond 2 GiB neither a call nor RIP reaches", async () => {
    const guest = (code: AnyCode): Promise<unknown> =>
      assemble(code as ReturnType<typeof code64>, { sections: { ".far": 0x1_0000_0000n } });
    await expect(guest(code64().call("far").section(".far").label("far").ret())).rejects.toThrow(
      "call far: the distance 4294967291 does not fit 32 bits",
    );
    await expect(guest(code64().lea(rax, rip("far")).section(".far").label("far").ret())).rejects.toThrow(
      "lea rax, [rip+far]: the distance 4294967289 does not fit 32 bits",
    );
    await expect(guest(code64().mov(rax, offset("far")).section(".far").label("far").ret())).resolves.toBeDefined();
  });

  test("a section that is placed but not there", async () => {
    await expect(assemble(code64().hlt(), { sections: { ".data": 0n } })).rejects.toThrow(
      'the code has no section ".data" with anything in it',
    );
  });
});
