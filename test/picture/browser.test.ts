/** Pages in a browser: opened from disk, used by keyboard, mouse and buttons, looked at in both colour schemes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { imageToHtml } from "../../src/picture/index.ts";
import { ChromiumPage, noChromium } from "./chromium.ts";
import { findings, hostile, hostileImage, longImage, transcriptOf } from "./guests.ts";

const view = (map: string) => `document.querySelector("#map-${map} svg").dataset.view.split(" ").map(Number)`;
const center = (selector: string) => `(() => {
  const element = document.querySelector(${JSON.stringify(selector)});
  element.scrollIntoView({ block: "center" });
  const { left, top, width, height } = element.getBoundingClientRect();
  return [left + width / 2, top + height / 2];
})()`;

describe.skipIf(noChromium !== undefined)("a page in Chromium", () => {
  let folder: string;
  const urlOf = (name: string) => pathToFileURL(path.join(folder, `${name}.html`)).href;
  let page: ChromiumPage;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "guestwright-page-"));
    const image = await longImage();
    writeFileSync(path.join(folder, "long.html"), imageToHtml(image, { transcript: transcriptOf(image), findings }));
    const bad = await hostileImage();
    writeFileSync(
      path.join(folder, "hostile.html"),
      imageToHtml(bad, { title: hostile, transcript: transcriptOf(bad), findings }),
    );
    page = await ChromiumPage.start({ width: 1300, height: 900 });
  });
  afterAll(async () => {
    await page.close();
    rmSync(folder, { recursive: true });
  });
  const open = async (name: string, fragment = "") => {
    page.complaints.length = page.requests.length = 0;
    await page.open("about:blank");
    await page.open(urlOf(name) + fragment);
  };

  test.each(["long", "hostile"])("the %s one loads itself and nothing else, and complains of nothing", async (name) => {
    await open(name);
    expect(page.complaints).toEqual([]);
    expect(page.requests.filter((url) => url !== "about:blank")).toEqual([urlOf(name)]);
    expect(await page.value(`document.querySelectorAll("main > section > h2").length`)).toBe(10);
    expect(await page.value(`document.querySelectorAll("img").length`)).toBe(0);
    // The page is no wider than the window, whatever the names are.
    expect(await page.value(`document.documentElement.scrollWidth`)).toBe(1300);
  });

  test("the browser is watched: a page that fails and asks for more is noticed", async () => {
    const url = urlOf("broken");
    writeFileSync(
      path.join(folder, "broken.html"),
      `<img src="missing.png"><script>throw new Error("on purpose")</script>`,
    );
    page.complaints.length = page.requests.length = 0;
    await page.open(url);
    expect(page.complaints.join("\n")).toContain("on purpose");
    expect(page.requests).toEqual([url, new URL("missing.png", url).href]);
  });

  test("hostile names stand in the maps as they are", async () => {
    await open("hostile");
    const names = `[...document.querySelectorAll("#map-physical .name")].map(({ textContent }) => textContent)`;
    expect(await page.value(names)).toContain(`ram ${hostile}`);
    expect(await page.value("document.title")).toBe(hostile);
  });

  test("a map shows every range, the smallest too, with names that do not overlap", async () => {
    await open("long");
    const drawn = `[...document.querySelectorAll("#map-virtual .range")].map((range) => Number(range.getAttribute("height")))`;
    const heights = (await page.value(drawn)) as number[];
    expect(heights).toHaveLength(11);
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(3);
    const boxes = `[...document.querySelectorAll("#map-virtual .label")].map((label) => label.getBBox()).map(({ y, height }) => [y, y + height])`;
    const labels = ((await page.value(boxes)) as [number, number][]).toSorted(([a], [b]) => a - b);
    expect(labels).toHaveLength(11);
    for (const [i, [top]] of labels.entries()) expect(i === 0 || top >= labels[i - 1]![1] - 1).toBe(true);
  });

  test("keys zoom and move one map, and the text beside it says where it is", async () => {
    await open("long");
    await page.value(`document.querySelector("#map-virtual svg").focus()`);
    expect(await page.value(view("virtual"))).toEqual([0, 1]);
    await page.press("+");
    expect(await page.value(view("virtual"))).toEqual([0.25, 0.75]);
    await page.press("ArrowDown");
    expect(await page.value(view("virtual"))).toEqual([0.375, 0.875]);
    await page.press("ArrowUp");
    await page.press("ArrowUp");
    expect(await page.value(view("virtual"))).toEqual([0.125, 0.625]);
    await page.press("-");
    expect(await page.value(view("virtual"))).toEqual([0, 1]);
    await page.press("+");
    await page.press("0");
    expect(await page.value(view("virtual"))).toEqual([0, 1]);
    expect(await page.value(view("physical"))).toEqual([0, 1]);
    expect(await page.value(`document.querySelector("#map-virtual output").textContent`)).toBe(
      "0x0000000000000000 to 0xffff800000100000, all of it",
    );
  });

  test("the wheel zooms where the pointer is; over a whole map it scrolls the page", async () => {
    await open("long");
    const [x, y] = (await page.value(center("#map-physical svg"))) as [number, number];
    await page.send("Input.dispatchMouseEvent", { type: "mouseWheel", x, y, deltaX: 0, deltaY: -500 });
    const [from, to] = (await page.value(view("physical"))) as [number, number];
    expect(to - from).toBeCloseTo(Math.exp(-1), 6);
    expect((from + to) / 2).toBeCloseTo(0.5, 1);
    await page.value(`document.querySelector("#map-physical [data-action=all]").click()`);
    const before = Number(await page.value("scrollY"));
    await page.send("Input.dispatchMouseEvent", { type: "mouseWheel", x, y, deltaX: 0, deltaY: 200 });
    await page.value("new Promise((done) => setTimeout(done, 300))");
    expect(Number(await page.value("scrollY"))).toBeGreaterThan(before);
    expect(await page.value(view("physical"))).toEqual([0, 1]);
  });

  test("buttons zoom, a row of the table shows its range close, and a click on a range does", async () => {
    await open("long");
    await page.value(`document.querySelector("#map-physical [data-action=in]").click()`);
    expect(await page.value(view("physical"))).toEqual([0.25, 0.75]);
    const row = `[...document.querySelectorAll("#map-physical tr")].find(({ textContent }) => textContent.includes("gdt"))`;
    await page.value(`${row}.querySelector("button").click()`);
    const output = `document.querySelector("#map-physical output").textContent`;
    expect(await page.value(output)).toMatch(/^0x00001fdc to 0x00001ffb, ~?3\d(?:\.\d)?B$/);
    const gdt = `[...document.querySelectorAll("#map-physical .range")].find(({ textContent }) => textContent.startsWith("gdt"))`;
    expect(Number(await page.value(`${gdt}.getAttribute("height")`))).toBeGreaterThan(400);
    const text = ".range.kind-rx";
    const height = `Number(document.querySelector("#map-virtual ${text}").getAttribute("height"))`;
    expect(await page.value(height)).toBeLessThan(10);
    const [x, y] = (await page.value(center(`#map-virtual ${text}`))) as [number, number];
    for (const type of ["mousePressed", "mouseReleased"]) {
      await page.send("Input.dispatchMouseEvent", { type, x, y, button: "left", clickCount: 1 });
    }
    expect(await page.value(height)).toBeGreaterThan(400);
  });

  test("dragging moves a map", async () => {
    await open("long");
    await page.value(`document.querySelector("#map-physical [data-action=in]").click()`);
    const [x, y] = (await page.value(center("#map-physical svg"))) as [number, number];
    const mouse = { x, y, button: "left", buttons: 1, clickCount: 1 };
    await page.send("Input.dispatchMouseEvent", { ...mouse, type: "mousePressed" });
    await page.send("Input.dispatchMouseEvent", { ...mouse, type: "mouseMoved", y: y - 64 });
    await page.send("Input.dispatchMouseEvent", { ...mouse, type: "mouseReleased", y: y - 64 });
    const [from] = (await page.value(view("physical"))) as [number, number];
    expect(from).toBeCloseTo(0.3, 2);
  });

  test("the even scale has room for every range", async () => {
    await open("long");
    const button = `document.querySelector("#map-virtual [data-action=scale]")`;
    await page.value(`${button}.click()`);
    expect(await page.value(`${button}.getAttribute("aria-pressed")`)).toBe("true");
    const drawn = `[...document.querySelectorAll("#map-virtual .range")].map((range) => Number(range.getAttribute("height")))`;
    expect(Math.min(...((await page.value(drawn)) as number[]))).toBeGreaterThan(14);
  });

  test("a link opens what it leads to", async () => {
    await open("long", "#bytes-0");
    expect(await page.value(`document.querySelector("#bytes-0").open`)).toBe(true);
    expect(await page.value(`document.querySelector("#bytes-1").open`)).toBe(false);
    await page.value(`location.hash = "bytes-1"`);
    await page.settled();
    expect(await page.value(`document.querySelector("#bytes-1").open`)).toBe(true);
  });

  test("the last exit leads to why the run ended, and that to the code", async () => {
    await open("long");
    const isInView = (selector: string) =>
      page.value(`(() => {
        const { top, bottom } = document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight;
      })()`);
    expect(await isInView("#line-0-4")).toBe(false);
    await page.value(`document.querySelector("#exit-2 a").click()`);
    await page.settled();
    expect(await isInView("#why")).toBe(true);
    expect(await isInView(".findings li")).toBe(true);
    await page.value(`document.querySelector(".findings a").click()`);
    await page.settled();
    expect(await page.value("location.hash")).toBe("#line-0-4");
    expect(await isInView("#line-0-4")).toBe(true);
  });

  test("the tree of tables opens and closes as a whole", async () => {
    await open("long");
    const states = `[...document.querySelectorAll("#tables details")].map(({ open }) => open)`;
    await page.value(`document.querySelector("[data-open=true]").click()`);
    expect(new Set((await page.value(states)) as boolean[])).toEqual(new Set([true]));
    await page.value(`document.querySelector("[data-open=false]").click()`);
    expect(new Set((await page.value(states)) as boolean[])).toEqual(new Set([false]));
  });

  test("everything that takes the keyboard has a name, and headings are in order", async () => {
    await open("long");
    const { nodes } = (await page.send("Accessibility.getFullAXTree")) as {
      nodes: {
        role?: { value: string };
        name?: { value: string };
        properties?: { name: string; value: { value: unknown } }[];
      }[];
    };
    const named = nodes.filter(({ role }) => ["button", "link", "region", "navigation"].includes(role?.value ?? ""));
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter(({ name }) => (name?.value ?? "") === "")).toEqual([]);
    const levels = (await page.value(
      `[...document.querySelectorAll("h1,h2,h3,h4")].map(({ tagName }) => Number(tagName[1]))`,
    )) as number[];
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    for (const [i, level] of levels.entries()) expect(level - (levels[i - 1] ?? 0)).toBeLessThanOrEqual(1);
  });

  test.each(["light", "dark"] as const)(
    "in %s, text stands out from what is behind it, and a picture can be taken",
    async (scheme) => {
      await open("long");
      const png = await page.screenshot(scheme);
      expect([...png.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
      const colours = (await page.value(`(() => {
      const style = (selector, name) => getComputedStyle(document.querySelector(selector))[name];
      return {
        page: style("body", "backgroundColor"), panel: style(".scroll", "backgroundColor"), text: style("body", "color"),
        faint: style(".lead", "color"), link: style("main a", "color"), warning: style(".warnings li", "color"),
        hint: style(".findings .hint", "color"),
      };
    })()`)) as Record<"page" | "panel" | "text" | "faint" | "link" | "warning" | "hint", string>;
      expect(luminance(colours.page) > 0.5).toBe(scheme === "light");
      for (const behind of [colours.page, colours.panel]) {
        for (const name of ["text", "faint", "link", "warning", "hint"] as const) {
          expect(contrast(colours[name], behind), name).toBeGreaterThan(4.5);
        }
      }
    },
  );
});

/** The relative luminance of a colour, as WCAG 2.2 defines it. */
function luminance(colour: string): number {
  const [red, green, blue] = colour.match(/\d+/g)!.map((part) => {
    const share = Number(part) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

/** The contrast ratio of two colours, as WCAG 2.2 defines it: 4.5 at least for text (success criterion 1.4.3). */
function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].toSorted((x, y) => x - y);
  return (high! + 0.05) / (low! + 0.05);
}
