/** The form of a description: types, keys, missing values. Each mistake with its whole message. */
import { code64, layout } from "guestwright";
import { describe, expect, test } from "vitest";
import { edit, gone, longGuest, testFailures, type Case, type Loose } from "./descriptions.ts";

const sizeExpected = 'expected a size or an address such as 0x1000 or "32KiB"';

/** A form that is wrong: all of them have the same code. */
function form(name: string, description: Loose, message: string, value: unknown): Case {
  return [name, description, message, "BAD_DESCRIPTION", value];
}

const withSegment = (segment: unknown): Loose => edit(longGuest(), { "gdt.segments.code": segment });

describe("no description at all", () => {
  testFailures("LayoutError", [
    form("null", null, "the description: expected an object, got null", null),
    form("undefined", undefined, "the description: expected an object, got nothing", undefined),
    form("a number", 3, "the description: expected an object, got 3", 3),
    form("text", "real16", 'the description: expected an object, got "real16"', "real16"),
    form("nothing in it", {}, "memory: it is missing", undefined),
    form("a list", [], "memory: it is missing", undefined),
  ]);
});

describe("sizes and addresses", () => {
  const cases: readonly (readonly [unknown, string])[] = [
    ["32 kilos", '"32 kilos"'],
    ["32", '"32"'],
    ["-4KiB", '"-4KiB"'],
    ["4kib", '"4kib"'],
    [-4096, "-4096"],
    [-1n, "-1n"],
    [0.5, "0.5"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "Infinity"],
    [2 ** 53, "9007199254740992"],
    [true, "true"],
    [null, "null"],
    [undefined, "nothing"],
  ];
  testFailures(
    "LayoutError",
    cases.map(([value, shown]) =>
      form(
        `a memory's size of ${shown}`,
        edit(longGuest(), { "memory.ram.size": value }),
        `memory.ram.size: ${sizeExpected}, got ${shown}`,
        value,
      ),
    ),
  );
  const object = { size: 1 };
  const list = [1];
  testFailures("LayoutError", [
    form(
      "a memory's address",
      edit(longGuest(), { "memory.ram.at": "0x0" }),
      `memory.ram.at: ${sizeExpected}, got "0x0"`,
      "0x0",
    ),
    form(
      "a mapping's address",
      edit(longGuest(), { "paging.map.text.virt": object }),
      `paging.map.text.virt: ${sizeExpected}, got an object`,
      object,
    ),
    form(
      "the tables' address",
      edit(longGuest(), { "paging.tables": list }),
      `paging.tables: ${sizeExpected}, got an array`,
      list,
    ),
    form(
      "an offset",
      edit(longGuest(), { "place.guest.offset": "1" }),
      `place.guest.offset: ${sizeExpected}, got "1"`,
      "1",
    ),
    form("a register", edit(longGuest(), { "cpu.rax": "ten" }), `cpu.rax: ${sizeExpected}, got "ten"`, "ten"),
    form(
      "the GDT's address",
      edit(longGuest(), { gdt: { at: -1, segments: {} } }),
      `gdt.at: ${sizeExpected}, got -1`,
      -1,
    ),
  ]);
});

describe("keys", () => {
  const topLevel = "\n  hint: there is mode, memory, paging, stacks, gdt, idt, e820, cpu, place, entry, stack";
  testFailures("LayoutError", [
    form(
      "misspelt, though it is then missing too",
      edit(longGuest(), { "memory.ram": { at: 0, sise: "4KiB" } }),
      "memory.ram.sise: there is no such key\n  hint: there is kind, at, size, align, below, offset, of",
      "4KiB",
    ),
    form("unknown", edit(longGuest(), { cpus: 2 }), `cpus: there is no such key${topLevel}`, 2),
    form("inherited names", edit(longGuest(), { constructor: 1 }), `constructor: there is no such key${topLevel}`, 1),
    form(
      "a register of another mode",
      edit(longGuest(), { "cpu.eax": 1 }),
      "cpu.eax: there is no such key\n  hint: there is segments, tr, ldtr, rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, rflags, cr0, cr4, efer, r8, r9, r10, r11, r12, r13, r14, r15",
      1,
    ),
    form(
      "a segment register that is not for a description",
      edit(longGuest(), { "cpu.segments.tr": "task" }),
      "cpu.segments.tr: there is no such key\n  hint: there is cs, ds, es, fs, gs, ss",
      "task",
    ),
    form(
      "of the other kind of segment",
      withSegment({ type: "data", readable: true }),
      "gdt.segments.code.readable: there is no such key\n  hint: there is type, bits, writable, expandDown, base, limit, dpl, present, accessed, available, granularity",
      true,
    ),
    form("missing: mode", edit(longGuest(), { mode: gone }), "mode: it is missing", undefined),
    form("missing: place", edit(longGuest(), { place: gone }), "place: it is missing", undefined),
    form(
      "missing: a size",
      edit(longGuest(), { "memory.ram": { at: 0 } }),
      "memory.ram.size: it is missing",
      undefined,
    ),
    form(
      "missing: a mapping's access",
      edit(longGuest(), { "paging.map.text.access": gone }),
      "paging.map.text.access: it is missing",
      undefined,
    ),
  ]);
});

describe("values of a few words", () => {
  const modes = '"compat32", "long64", "protected16", "protected32" or "real16"';
  testFailures("LayoutError", [
    form("a mode", edit(longGuest(), { mode: "long" }), `mode: expected ${modes}, got "long"`, "long"),
    form(
      "a mode that every object inherits",
      edit(longGuest(), { mode: "toString" }),
      `mode: expected ${modes}, got "toString"`,
      "toString",
    ),
    form(
      "an access",
      edit(longGuest(), { "paging.map.text.access": "xr" }),
      'paging.map.text.access: expected "r", "rw", "rwx" or "rx", got "xr"',
      "xr",
    ),
    form(
      "a flag",
      edit(longGuest(), { "paging.map.text.user": 1 }),
      "paging.map.text.user: expected boolean, got 1",
      1,
    ),
    form(
      "a page size",
      edit(longGuest(), { "paging.map.text.pageSize": "8MiB" }),
      'paging.map.text.pageSize: expected "1GiB", "2MiB", "4KiB", "4MiB" or "largest", got "8MiB"',
      "8MiB",
    ),
    form(
      "a backing",
      edit(longGuest(), { "paging.map.text.backing": "rom" }),
      'paging.map.text.backing: expected "none" or "ram", got "rom"',
      "rom",
    ),
    form(
      "a PAT index",
      edit(longGuest(), { "paging.map.text.cache": { pat: 8 } }),
      "paging.map.text.cache.pat: expected at most 7, got 8",
      8,
    ),
    form(
      "a memory type said twice",
      edit(longGuest(), { "paging.map.text.cache": { pat: 1, pwt: true } }),
      "paging.map.text.cache: expected either pat, or pwt and pcd, got an object",
      { pat: 1, pwt: true },
    ),
    form("a name", edit(longGuest(), { stack: 1 }), "stack: expected a string, got 1", 1),
    form("another", edit(longGuest(), { "place.guest.in": null }), "place.guest.in: expected a string, got null", null),
    form(
      "a segment register",
      edit(longGuest(), { "cpu.segments.ds": 0.5 }),
      "cpu.segments.ds: expected a whole number or the name of a segment, got 0.5",
      0.5,
    ),
  ]);
});

describe("segments", () => {
  testFailures("LayoutError", [
    form(
      "a type",
      withSegment({ type: "trap-gate", bits: 64 }),
      'gdt.segments.code.type: expected "code", "ldt", "call-gate", "task-gate", "data" or "tss", got "trap-gate"',
      "trap-gate",
    ),
    form(
      "no type",
      withSegment({ bits: 64 }),
      'gdt.segments.code.type: expected "code", "ldt", "call-gate", "task-gate", "data" or "tss", got nothing',
      undefined,
    ),
    form(
      "a size of code",
      withSegment({ type: "code", bits: 33 }),
      "gdt.segments.code.bits: expected 16, 32 or 64, got 33",
      33,
    ),
    form("code without its size", withSegment({ type: "code" }), "gdt.segments.code.bits: it is missing", undefined),
    form(
      "64-bit data",
      withSegment({ type: "data", bits: 64 }),
      "gdt.segments.code.bits: expected 16 or 32, got 64",
      64,
    ),
    form(
      "a privilege level",
      withSegment({ type: "code", bits: 64, dpl: 4 }),
      "gdt.segments.code.dpl: expected 0, 1, 2 or 3, got 4",
      4,
    ),
  ]);
});

describe("lists and other objects where names are wanted", () => {
  const map = new Map();
  testFailures("LayoutError", [
    form(
      "a list of memory",
      edit(longGuest(), { memory: [] }),
      "memory: expected an object with a key for each name, got an array",
      [],
    ),
    form(
      "a Map",
      edit(longGuest(), { "paging.map": map }),
      "paging.map: expected an object with a key for each name, got an object",
      map,
    ),
    form("null", edit(longGuest(), { place: null }), "place: expected an object, got null", null),
    form("no memory", edit(longGuest(), { "memory.ram": null }), "memory.ram: expected an object, got null", null),
  ]);
});

describe("code", () => {
  const codeExpected = "place.guest.code: expected code, from code16(), code32() or code64(), got";
  const almost = { mode: 64, nodes: null };
  testFailures("LayoutError", [
    form("text", edit(longGuest(), { "place.guest.code": "hlt" }), `${codeExpected} "hlt"`, "hlt"),
    form(
      "a function that was not called",
      edit(longGuest(), { "place.guest.code": code64 }),
      `${codeExpected} a function`,
      code64,
    ),
    form("something else", edit(longGuest(), { "place.guest.code": almost }), `${codeExpected} an object`, almost),
  ]);
});

test("names may be any text, those that objects inherit among them", async () => {
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "a.b", " ", "0"];
  const own = <T>(valueOf: (name: string, i: number) => T): Record<string, T> =>
    Object.fromEntries(names.map((name, i) => [name, valueOf(name, i)]));
  const description: Loose = {
    mode: "long64",
    memory: own((_, i) => ({ at: i * 0x10_000, size: "64KiB" })),
    paging: {
      tables: 0x8000,
      map: own((_, i) => ({ virt: i * 0x1000, phys: 0x1000 + i * 0x1000, size: "4KiB", access: "rwx" })),
    },
    place: own((name) => ({ code: code64().label("__proto__").hlt(), in: name })),
    entry: "__proto__",
    stack: "constructor",
  };
  const image = await layout(description).build();
  expect(image.programs.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  const entry = image.programs.find(({ name }) => name === "__proto__")!;
  expect(image.cpu.regs.rip).toBe(entry.origin);
  expect(Object.entries(entry.labels)).toEqual([["__proto__", entry.origin]]);
});
