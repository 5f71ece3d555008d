import { code16, code64, layout, type Image } from "guestwright";
import { parseSync } from "oxc-parser";
import { beforeAll, describe, expect, test } from "vitest";
import { imageToHtml } from "../../src/picture/index.ts";
import { script } from "../../src/picture/page/script.ts";
import { treeOf } from "../../src/picture/sections/page-tables.ts";
import { findings, hostile, hostileImage, longImage, transcriptOf } from "./guests.ts";

let image: Image;
let page: string;
beforeAll(async () => {
  image = await longImage();
  page = imageToHtml(image, { title: "guest.ts", transcript: transcriptOf(image), findings });
});

/** What stands between tags, with single spaces. */
function textOf(markup: string): string {
  return markup
    .replaceAll(/<(script|style)\b.*?<\/\1>/gs, "")
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");
}

/** The section with an id, as text. */
function section(id: string, from = page): string {
  return textOf(new RegExp(`<section\\s+id="${id}".*?</section>`, "s").exec(from)![0]);
}

/** The text of the element that has an id. */
function rowOf(id: string): string {
  return textOf(new RegExp(`<tr[^>]*\\sid="${id}">.*?</tr>`, "s").exec(page)![0]).trim();
}

/** Where the link with this text inside the row with an id leads. */
function linkIn(id: string, text: string): string | undefined {
  const row = new RegExp(`<tr[^>]*\\sid="${id}">.*?</tr>`, "s").exec(page)![0];
  return [...row.matchAll(/<a\s+href="#([^"]*)">(.*?)<\/a>/g)].find(
    ([, , inner]) => textOf(inner!).trim() === text,
  )?.[1];
}

test("the sections stand in their order, each in the contents", () => {
  const ids = [...page.matchAll(/<section\s+id="(.*?)"/g)].map(([, id]) => id);
  expect(ids).toEqual([
    ...["summary", "run", "memory", "mappings", "tables", "descriptors", "entry", "listing", "names", "bytes"],
  ]);
  const contents = /<nav.*?<\/nav>/s.exec(page)![0];
  expect([...contents.matchAll(/href="#(.*?)"/g)].map(([, id]) => id)).toEqual(ids);
});

test("ids are there once, and every link leads to one", () => {
  const ids = [...page.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const targets = [...page.matchAll(/\shref="([^"]*)"/g)].map(([, target]) => target!);
  expect(targets.length).toBeGreaterThan(40);
  expect(targets.filter((target) => !target.startsWith("#") || !ids.includes(target.slice(1)))).toEqual([]);
});

test("names of the guest add no markup", async () => {
  const bad = await hostileImage();
  const broken = imageToHtml(bad, { title: hostile, transcript: transcriptOf(bad), findings });
  const tags = (text: string) => [...text.matchAll(/<\/?([a-z][a-z0-9]*)/gi)].map(([, tag]) => tag!);
  expect(new Set(tags(broken))).toEqual(new Set([...tags(page), "h3", "ul"]));
  expect(broken).not.toContain("<img");
  expect(broken.match(/<\/script>/g)).toHaveLength(3);
  expect(section("memory", broken)).toContain(`0x00000000 0x001fffff ram ${hostile} 2MiB`);
  expect(section("summary", broken)).toContain(`Warnings ${hostile}`);
});

test("the same image gives the same page, which refers to nothing outside", () => {
  expect(imageToHtml(image, { title: "guest.ts", transcript: transcriptOf(image), findings })).toBe(page);
  expect(page.match(/https?:\/\/[^"\s]*/g)).toEqual(["http://www.w3.org/2000/svg"]);
  expect(page).not.toMatch(/<(?:link|img|iframe|object)\b|@import|url\(|<[^>]*\ssrc=/);
});

test("the script is JavaScript", () => {
  expect(parseSync("page.js", script).errors).toEqual([]);
});

describe("the listing", () => {
  test("leads from a name to its label, and from the label back", () => {
    expect(rowOf("line-0-4")).toMatch(/^0040000f eb f6 jmp loop test\/picture\/guests\.ts:\d+$/);
    expect(linkIn("line-0-4", "loop")).toBe("line-0-2");
    expect(rowOf("line-0-2")).toBe("00400007 loop: named at 0x40000f");
    expect(linkIn("line-0-2", "0x40000f")).toBe("line-0-4");
  });

  test("finds names inside operands, but not in text", () => {
    expect(linkIn("line-0-1", "message")).toBe("line-0-8");
    expect(linkIn("line-0-9", "loop")).toBeUndefined();
    const name = linkIn("line-0-6", "paging.map.kernel.phys")!;
    expect(rowOf(name)).toBe("paging.map.kernel.phys 0x100000");
  });
});

test("descriptors are decoded, and vectors lead to their handlers", () => {
  expect(section("descriptors")).toContain(
    "0x08 code code64 base 0x0 limit 0xffffffff dpl 0 readable accessed 0x00af9b000000ffff",
  );
  expect(section("descriptors")).toContain(
    "0x0e #PF place.guest.on_fault interrupt-gate64 selector 0x0008 offset 0x400011 dpl 0",
  );
  expect(page).toContain('<a href="#line-0-5">place.guest.on_fault</a>');
});

test("mappings are what the tables map, and the tables are a tree", () => {
  expect(section("mappings")).toContain(
    "kernel 0xffff800000000000 - 0xffff8000000fffff 0x100000 1MiB rwx user 256 x 4KiB",
  );
  expect(section("mappings")).toContain("uart 0x10000000 - 0x10000fff 0x10000000 4KiB rw- no memory, 1 x 4KiB");
  expect(section("tables")).toContain("[256] 0xffff800000000000 PDPT at");
  expect(treeOf(["a", "  b", "    c", "  d", "e"])).toEqual([
    {
      text: "a",
      children: [
        { text: "b", children: [{ text: "c", children: [] }] },
        { text: "d", children: [] },
      ],
    },
    { text: "e", children: [] },
  ]);
});

test("the entry state and the bytes are there", () => {
  expect(section("entry")).toContain("rip 0x400000 guest:start");
  expect(section("entry")).toContain("rsp 0x800000 stacks.main.end");
  expect(section("bytes")).toContain("00000000 48 8d 35 13 00 00 00 c6");
});

test("a run is told exit by exit, with the places", () => {
  const run = section("run");
  expect(run).toContain("3 exits, in order, not to the clock");
  expect(run).toContain(`1 io-out port 0xe9: ${JSON.stringify(`${hostile}\n`)} guest:loop+0x8`);
  expect(run).toContain("2 mmio-write 0x10000000 (uart): 0x01 guest:loop");
  expect(run).toContain("rflags 0x46 ZF PF");
  expect(linkIn("exit-0", "guest:loop+0x8")).toBe("line-0-4");
  expect(linkIn("exit-1", "guest:loop")).toBe("line-0-3");
  expect(imageToHtml(image)).not.toContain('<section id="run"');
});

test("one exit is one, and after a kind of exit that leaves no certain registers the page says so", () => {
  const ended = (kind: "hlt" | "shutdown") =>
    section("run", imageToHtml(image, { transcript: { exits: [{ kind }], end: undefined } }));
  expect(ended("shutdown")).toContain("1 exit, in order, not to the clock");
  expect(ended("shutdown")).toContain(
    "At the end The registers after shutdown differ between hosts. A page is the same on all, so it leaves them out.",
  );
  expect(ended("hlt")).not.toContain("At the end");
});

describe("why a run ended", () => {
  test("stands behind its exits, with links to the code and from the last exit", () => {
    const list = /<ol class="findings">.*?<\/ol>/s.exec(page)![0];
    expect(textOf(list).trim().replaceAll(" ,", ",")).toBe(
      findings.map(({ text, hint }) => (hint === undefined ? text : `${text} Hint: ${hint}`)).join(" "),
    );
    const links = [...list.matchAll(/<a href="#(.*?)">(.*?)<\/a>/g)].map(([, to, text]) => [textOf(text!), to]);
    expect(links).toEqual([
      [`guest:loop+0x8 (${hostile}:4)`, "line-0-4"],
      ["0x400011", "line-0-6"],
    ]);
    expect(linkIn("exit-2", "why")).toBe("why");
    expect(linkIn("exit-1", "why")).toBeUndefined();
    expect(section("run")).toMatch(/ Why it ended .* At the end /);
  });

  test("is said without a transcript, too, and where nothing is known nothing is said", () => {
    expect(section("run", imageToHtml(image, { findings }))).toContain("Run Why it ended mov [rax], al at guest:loop");
    const transcript = transcriptOf(image);
    expect(imageToHtml(image, { transcript, findings: [] })).toBe(imageToHtml(image, { transcript }));
    expect(imageToHtml(image, { transcript })).not.toContain("why");
  });
});

test("a guest without paging has a map of physical memory", async () => {
  const real = await layout({
    mode: "real16",
    memory: { ram: { at: 0x0, size: "64KiB" } },
    place: { guest: { code: code16().label("here").hlt(), in: "ram" } },
  }).build();
  const page = imageToHtml(real);
  expect(section("memory", page)).toContain("Paging is off: addresses are physical.");
  expect(page).toContain("<title>Guest image</title>");
  expect(page).not.toContain('<section id="tables"');
});

test("tables that map nothing are said to", () => {
  const broken = { ...image, chunks: image.chunks.filter(({ name }) => name !== "page tables") };
  expect(section("memory", imageToHtml(broken))).toContain("The page tables map nothing.");
});

test("LDTs, task states, stacks and the guest's own map of memory are there", async () => {
  const full: Image = await layout({
    mode: "long64",
    memory: {
      ram: { at: 0x0, size: "64KiB" },
      bios: { kind: "rom", at: 0xf_0000, size: "8KiB" },
      shadow: { kind: "alias", at: 0x1f_0000, of: "bios", offset: 0x1000 },
    },
    paging: {
      map: {
        text: { virt: 0x40_0000, size: "4KiB", access: "rx" },
        tables: { virt: 0x50_0000, size: "8KiB", access: "rw" },
      },
    },
    stacks: { main: { virt: 0x71_0000, size: "4KiB" } },
    gdt: {
      in: "tables",
      segments: {
        code: { type: "code", bits: 64 },
        task: { type: "tss", in: "tables", stacks: { 0: "main" }, ports: [0xe9] },
        local: { type: "ldt", in: "tables", segments: { gs: { type: "data", base: 0x1000 } } },
      },
    },
    e820: { in: "tables" },
    stack: "main",
    place: { guest: { code: code64().hlt(), in: "text" } },
  }).build();
  const page = imageToHtml(full);
  const descriptors = section("descriptors", page);
  expect(descriptors).toContain("LDT local");
  expect(descriptors).toMatch(/ gs data32 base 0x1000 /);
  expect(descriptors).toContain("TSS task");
  expect(descriptors).toMatch(/ tss64 .*rsp0 0x711000 stacks\.main\.end ports 0xe9 /);
  const memory = section("memory", page);
  expect(memory).toContain("main 0x00710000 - 0x00710fff 0x00003000 4KiB 0x0070f000 and 0x00711000");
  const virtual = /Virtual addresses as a table.*/.exec(memory)![0];
  expect(virtual).toMatch(
    /0x0*70f000 0x0*70ffff guard page below stack "main" 4KiB, not mapped Zoom 0x0*710000 0x0*710fff main /,
  );
  expect(virtual).toMatch(/0x0*711000 0x0*711fff guard page above stack "main" 4KiB, not mapped /);
  expect(memory).toMatch(/E820 at physical 0x[0-9a-f]{8} Addresses Size Type 0x00000000 - 0x0000ffff 64KiB/);
  expect(memory).toContain("shadow 4KiB, alias, of bios+0x1000");
});

test("what is too much is left out, and counted", async () => {
  const many = Array.from({ length: 3000 }, (_, i) => [
    `m${i}`,
    { virt: i * 0x2000, phys: 0x40_0000, size: "4KiB", access: "r" },
  ]);
  const map = Object.fromEntries(many) as Record<string, { virt: number; phys: number; size: "4KiB"; access: "r" }>;
  const large: Image = await layout({
    mode: "long64",
    memory: { ram: { at: 0x0, size: "16MiB" } },
    paging: { map: { text: { virt: 0x8000_0000, phys: 0x0, size: "4KiB", access: "rx" }, ...map } },
    place: { guest: { code: code64().zero(1000), in: "text" } },
  } as never).build();
  const transcript = { exits: Array.from({ length: 2500 }, () => ({ kind: "hlt" }) as const), end: undefined };
  const page = imageToHtml(large, { transcript });
  expect(page.length).toBeLessThan(4 << 20);
  expect(section("run", page)).toContain("500 more exits left out.");
  expect(section("mappings", page)).toContain("2001 more rows left out.");
  expect(section("tables", page)).toContain("128 more lines left out.");
  expect(section("listing", page)).toContain("… 744 more");
  expect(section("bytes", page)).toMatch(/\d+ more bytes left out\./);
  expect(section("memory", page)).toMatch(/\d+ more ranges left out\./);
});
