import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { code32, imageToFile, layout } from "guestwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeKvm } from "../kvm/require-kvm.ts";
import { buildPackage } from "../project/built-package.ts";
import { run, type Ended } from "../project/child.ts";
import { typeScriptFences } from "../project/fences.ts";
import { packageRoot, textOf } from "../project/source-files.ts";
import { folderWith } from "./cli.ts";
import { echoGuest, realModeGuest } from "./guests.ts";

let built: Awaited<ReturnType<typeof buildPackage>> | undefined;
beforeAll(async () => {
  built = await buildPackage();
});
afterAll(() => built?.remove());

/** The program as it is installed. */
const program = (): string => path.join(built!.folder, "dist/cli/bin.js");

function guestwright(words: readonly string[], options: Parameters<typeof run>[2] = {}): Promise<Ended> {
  return run(process.execPath, [program(), ...words], options);
}

/** What `inspect … memory` says of {@link echoGuest}. */
const echoMemory = `memory map (physical)
  0x00000000 - 0x00000fff (4KiB) ram
    0x00000000 - 0x00000008 (9B) code guest
`;

const inspect = async (files: Readonly<Record<string, string>>, ...words: readonly string[]) =>
  await guestwright(["inspect", ...words, "memory"], { cwd: folderWith({ "package.json": "{}", ...files }) });

describe("a module that exports a guest", () => {
  test("in TypeScript with enums and types", async () => {
    expect(await inspect({ "guest.ts": echoGuest }, "guest.ts")).toEqual({ status: 0, stdout: echoMemory, stderr: "" });
  });

  test("its listing names the lines of the source", async () => {
    const { stdout } = await guestwright(["inspect", "guest.ts", "listing", "--source"], {
      cwd: folderWith({ "guest.ts": echoGuest, "package.json": "{}" }),
    });
    expect(stdout).toMatch(/ hlt +guest\.ts:6\n/);
  });

  test("imports TypeScript by the name that it has when it is compiled, and `using` is understood", async () => {
    const helper =
      "export function place() { using _ = { [Symbol.dispose]() {} }; return { at: 0x0, size: '4KiB' as const }; }";
    const guest = `import { code16, layout } from "guestwright";
import { place } from "./place.js";
export default layout({ mode: "real16", memory: { ram: place() }, place: { guest: { code: code16().hlt(), in: "ram" } } });`;
    expect(await inspect({ "guest.mts": guest, "place.ts": helper }, "guest.mts")).toMatchObject({
      status: 0,
      stderr: "",
    });
  });

  test("in JavaScript", async () => {
    const guest = echoGuest
      .replace(", type Image", "")
      .replace(": Image", "")
      .replace(/enum.*/, "const Port = { Debug: 0xe9, Input: 0x10 };");
    expect(await inspect({ "guest.mjs": guest }, "guest.mjs")).toEqual({ status: 0, stdout: echoMemory, stderr: "" });
  });

  test("its guestwright is the one that runs, whatever is installed beside it", async () => {
    const folder = folderWith({ "guest.ts": echoGuest });
    mkdirSync(path.join(folder, "node_modules/guestwright"), { recursive: true });
    writeFileSync(path.join(folder, "node_modules/guestwright/package.json"), '{"exports":"./nothing.js"}');
    expect(await guestwright(["inspect", "guest.ts", "memory"], { cwd: folder })).toMatchObject({ stdout: echoMemory });
  });

  test("a copy by a symbolic link is the same", async () => {
    const folder = folderWith({ "guest.ts": echoGuest });
    mkdirSync(path.join(folder, "node_modules"));
    symlinkSync(packageRoot, path.join(folder, "node_modules/guestwright"));
    expect(await guestwright(["inspect", "guest.ts", "memory"], { cwd: folder })).toMatchObject({ stdout: echoMemory });
  });

  test("of several guests, the one that is named or the default", async () => {
    const two = `${realModeGuest(".hlt()")}export const other = layout({ mode: "real16", memory: { rom: { at: 0x1000, size: "4KiB" } }, place: { other: { code: code16().hlt(), in: "rom" } } });\n`;
    expect((await inspect({ "a.ts": two }, "a.ts", "--export", "other")).stdout).toContain("code other");
    expect((await inspect({ "a.ts": `${two}export default other;` }, "a.ts")).stdout).toContain("code other");
    expect((await inspect({ "a.ts": two }, "a.ts")).stderr).toBe(
      "guestwright: a.ts exports 2 guests: image, other\n  hint: choose one with --export NAME\n",
    );
    expect((await inspect({ "a.ts": two }, "a.ts", "--export", "othre")).stderr).toBe(
      'guestwright: a.ts exports no guest named "othre"\n  hint: did you mean other?\n',
    );
    expect((await inspect({ "a.ts": two }, "a.ts", "--export", "nothing")).stderr).toBe(
      'guestwright: a.ts exports no guest named "nothing"\n  hint: it exports image, other\n',
    );
    const maker = `${two}export const make = () => image;`;
    expect((await inspect({ "a.ts": maker }, "a.ts", "--export", "make")).stderr).toBe(
      'guestwright: a.ts exports no guest named "make"\n  hint: make is a function: export what it returns\n',
    );
  });
});

test("diff compares two guests of one module, by the names of their exports", async () => {
  const cwd = folderWith({
    "package.json": "{}",
    "guest.ts": `
import { code16, layout } from "guestwright";
const guest = (size: "4KiB" | "8KiB") =>
  layout({ mode: "real16", memory: { ram: { at: 0x0, size } }, place: { guest: { code: code16().hlt(), in: "ram" } } });
export const small = guest("4KiB");
export const large = guest("8KiB");
`,
  });
  const diff = async (...exports: readonly string[]) =>
    await guestwright(["diff", "guest.ts", "guest.ts", ...exports.map((name) => `--export=${name}`)], { cwd });
  expect(await diff("small", "small")).toEqual({ status: 0, stdout: "", stderr: "" });
  expect(await diff("small")).toEqual({ status: 0, stdout: "", stderr: "" });
  const changed = await diff("small", "large");
  expect(changed).toMatchObject({ status: 1, stderr: "" });
  expect(changed.stdout).toMatch(/4KiB.*8KiB/);
  expect((await diff("large", "small")).stdout).toMatch(/8KiB.*4KiB/);
});

describe("a module that is wrong ends with 3 and one message", () => {
  test.each<readonly [what: string, source: string, message: string]>([
    [
      "no guest",
      "export const a = 1;",
      "guest.ts exports no guest\n  hint: export what layout({ ... }) or await layout({ ... }).build() gives: export const image = ...",
    ],
    [
      "code that is placed nowhere",
      'import { code64 } from "guestwright";\nexport const kernel = code64().hlt();',
      "guest.ts exports no guest\n  hint: kernel is code: export a layout that places it",
    ],
    [
      "a promise of code",
      'import { code64 } from "guestwright";\nexport default Promise.resolve(code64().hlt());',
      "guest.ts exports no guest\n  hint: the default export is code: export a layout that places it",
    ],
    [
      "a description",
      'export const guest = { mode: "real16", memory: {} };',
      "guest.ts exports no guest\n  hint: guest is a description: export what layout(...) makes of it",
    ],
    [
      "guests in an array",
      `${realModeGuest(".hlt()").replace("export const image", "const image")}export const all = [image];`,
      "guest.ts exports no guest\n  hint: all is an array of guests: export each guest by a name of its own",
    ],
    [
      "a function",
      "export default () => 5;",
      "guest.ts exports no guest\n  hint: the default export is a function: export what it returns",
    ],
    [
      "an error",
      "const a: number = 1;\n\nthrow new RangeError(`a is ${a}`);",
      "guest.ts fails: RangeError: a is 1\n  at guest.ts:3:7",
    ],
    ["no error, but thrown", "throw 5;", "guest.ts fails: it throws 5"],
    [
      "a rejection",
      "export const image = Promise.reject(new Error('no'));",
      "guest.ts fails: Error: no\n  at guest.ts:1:37",
    ],
    [
      "wrong syntax",
      'export const é = "\u{1F600}"; const a: = 3;',
      "guest.ts fails: SyntaxError: Unexpected token\n  at guest.ts:1:33",
    ],
    [
      "no such name",
      'import { nope } from "guestwright";\nexport default nope;',
      "guest.ts fails: SyntaxError: The requested module 'guestwright' does not provide an export named 'nope'\n  at guest.ts:1",
    ],
    [
      "a guest that cannot be built",
      realModeGuest(".hlt()").replace("4KiB", "5KiB"),
      "guest.ts cannot be built: MISALIGNED: memory.ram: 0x0..0x13ff is not made of whole pages of 4096 bytes",
    ],
    [
      "a guest with an undefined label",
      realModeGuest('.jmp("nowhere" as never)'),
      'guest.ts cannot be built: UNDEFINED_LABEL: guest.ts:6: label "nowhere" is not defined',
    ],
  ])("%s", async (_, source, message) => {
    const ended = await inspect({ "guest.ts": source }, "guest.ts");
    expect(ended).toMatchObject({ status: 3, stdout: "" });
    expect(ended.stderr.slice(0, `guestwright: ${message}`.length)).toBe(`guestwright: ${message}`);
    expect(ended.stderr).not.toMatch(/^ {4}at /m);
  });

  test("a package that is not installed", async () => {
    const { status, stderr } = await inspect({ "guest.ts": 'import "@none/such/part";' }, "guest.ts");
    expect(status).toBe(3);
    expect(stderr).toMatch(
      /^guestwright: guest\.ts fails: Error: Cannot find package '@none\/such' .*\n {2}hint: npm install @none\/such\n$/,
    );
  });

  test("a package that is required and not installed", async () => {
    const { status, stderr } = await inspect({ "guest.cjs": 'require("none/part");' }, "guest.cjs");
    expect(status).toBe(3);
    expect(stderr).toMatch(/^guestwright: guest\.cjs fails: Error: Cannot find module 'none\/part'\n/);
    expect(stderr).toMatch(/\n {2}hint: npm install none\n$/);
  });

  test("an import that leads nowhere", async () => {
    const { status, stderr } = await inspect({ "guest.ts": 'import "./nothing.ts";' }, "guest.ts");
    expect(status).toBe(3);
    expect(stderr).toMatch(
      /^guestwright: guest\.ts fails: Error: Cannot find module '.*nothing\.ts' imported from .*guest\.ts\n$/,
    );
  });
});

describe("a module that goes wrong beside its exports", () => {
  const guest = realModeGuest(".hlt()");
  const stray = (what: string): string =>
    `guestwright: the guest's module fails where nothing catches it: Error: ${what}\n`;

  test.each<readonly [what: string, source: string, message: string]>([
    [
      "a rejection that nobody waits for",
      `${guest}Promise.reject(new Error("no"));`,
      `${stray("no")}  at guest.ts:8:16\n`,
    ],
    [
      "a timer that throws",
      `${guest}setTimeout(() => { throw new Error("late"); }, 0);\nawait new Promise((resolve) => setTimeout(resolve, 500));`,
      `${stray("late")}  at guest.ts:8:26\n`,
    ],
    [
      "a rejection, and no guest",
      'Promise.reject(new Error("no"));\nexport const a = 1;',
      `guestwright: guest.ts exports no guest\n  hint: export what layout({ ... }) or await layout({ ... }).build() gives: export const image = ...\n${stray("no")}  at guest.ts:1:16\n`,
    ],
    [
      "a promise that it awaits for ever",
      "await new Promise(() => {});",
      "guestwright: guest.ts waits for what never comes\n  hint: a promise that it awaits or exports is neither fulfilled nor rejected\n",
    ],
    [
      "a promise that it exports for ever",
      "export const image = new Promise(() => {});",
      "guestwright: guest.ts waits for what never comes\n  hint: a promise that it awaits or exports is neither fulfilled nor rejected\n",
    ],
  ])("%s ends with 3 and a message", async (_, source, message) => {
    expect(await inspect({ "guest.ts": source }, "guest.ts")).toMatchObject({ status: 3, stderr: message });
  });
});

/** Runs the program with nowhere to write its standard output to. */
async function onFullDisk(words: readonly string[]): Promise<Ended> {
  const cwd = folderWith({ "package.json": "{}", "guest.ts": echoGuest });
  return await run("sh", ["-c", '"$0" "$@" >/dev/full', process.execPath, program(), ...words], { cwd });
}

describe("places of a module in a folder of its package are told from the current folder", () => {
  /** Runs the program in the folder of a guest that is not its package's. */
  async function inside(source: string, ...words: readonly string[]): Promise<Ended> {
    const folder = folderWith({ "package.json": "{}" });
    mkdirSync(path.join(folder, "guests"));
    writeFileSync(path.join(folder, "guests/guest.ts"), source);
    return await guestwright([...words], { cwd: path.join(folder, words.at(-1)!.includes("/") ? "." : "guests") });
  }

  test("in errors", async () => {
    const wrong = realModeGuest('.jmp("nowhere" as never)');
    const message = "cannot be built: UNDEFINED_LABEL:";
    expect((await inside(wrong, "inspect", "guest.ts")).stderr).toMatch(
      new RegExp(`^guestwright: guest\\.ts ${message} guest\\.ts:6: label`),
    );
    expect((await inside(wrong, "inspect", "guests/guest.ts")).stderr).toMatch(
      new RegExp(`^guestwright: guests/guest\\.ts ${message} guests/guest\\.ts:6: label`),
    );
  });

  describeKvm("in lists of exits, but not in JSON", () => {
    const prints = '.out(0x10, al).asm("ud2")';
    test.each([
      ["guest.ts", "guest.ts"],
      ["guests/guest.ts", "guests/guest.ts"],
    ])("%s", async (file, place) => {
      const { stdout } = await inside(realModeGuest(prints), "run", file);
      expect(stdout).toMatch(/^io-out .*\n/);
      expect([...stdout.matchAll(/\(([^()]*):6\)/g)].map(([, each]) => each)).toEqual([place, place, place]);
      const json = await inside(realModeGuest(prints), "run", "--json", file);
      const [first] = json.stdout.split("\n");
      expect(JSON.parse(first!)).toMatchObject({ where: { source: { file: "guests/guest.ts", line: 6 } } });
    });
  });
});

describe("standard output", () => {
  test.each([[["inspect", "guest.ts", "memory"]], [["check", "guest.ts"]]])(
    "that is full is said, and ends %j with 3",
    async (words) => {
      expect(await onFullDisk(words)).toEqual({
        status: 3,
        stdout: "",
        stderr: "guestwright: cannot write standard output: no space is left\n",
      });
    },
  );

  test("that is full is said in JSON where that is asked for", async () => {
    const { status, stderr } = await onFullDisk(["inspect", "guest.ts", "--json"]);
    expect(status).toBe(3);
    expect(JSON.parse(stderr)).toEqual({
      error: { code: "NOT_WRITTEN", message: "cannot write standard output: no space is left" },
    });
  });

  test("has nothing but the answer where a program reads it: what a module prints is on standard error", async () => {
    const cwd = folderWith({ "package.json": "{}", "guest.ts": `${realModeGuest(".hlt()")}console.log("printed");\n` });
    const bytes = await guestwright(["export", "guest.ts", "--format=raw", "--output=-"], { cwd });
    expect(bytes).toMatchObject({ status: 0, stdout: expect.not.stringContaining("printed") as unknown });
    expect(bytes.stderr).toContain("printed\n");
    const json = await guestwright(["inspect", "guest.ts", "memory", "--json"], { cwd });
    expect(JSON.parse(json.stdout)).toHaveProperty("memory");
    expect(json.stderr).toBe("printed\n");
    expect((await guestwright(["inspect", "guest.ts", "memory"], { cwd })).stdout).toMatch(/^printed\nmemory map/);
  });
});

describe("the terminal", () => {
  test("colour is where the environment asks for it", async () => {
    const cwd = folderWith({ "guest.ts": echoGuest });
    const words = ["inspect", "guest.ts", "memory"];
    const plain = { FORCE_COLOR: undefined, NO_COLOR: undefined };
    expect((await guestwright(words, { cwd, env: plain })).stdout).toBe(echoMemory);
    const coloured = await guestwright(words, { cwd, env: { ...plain, FORCE_COLOR: "1" } });
    expect(coloured.stdout).toContain("\u001B[1mmemory map (physical)\u001B[22m");
    expect((await guestwright(["rum"], { env: { ...plain, FORCE_COLOR: "1" } })).stderr).toContain(
      "\u001B[31mguestwright:\u001B[39m",
    );
    expect((await guestwright(words, { cwd, env: { NO_COLOR: "1", FORCE_COLOR: undefined } })).stdout).toBe(echoMemory);
  });
});

/** A command line of the guide, and what the guide says that it prints. */
interface Session {
  readonly words: readonly string[];
  readonly output: string;
}

const guide = textOf("docs/cli.md");
const [guideGuest, ...others] = typeScriptFences(guide);
/** The files of the guide: the first is guest.ts, others begin with their names. */
const guideFiles = Object.fromEntries([
  ["guest.ts", guideGuest!.code],
  ...others.map(({ code }) => [/^\/\/ (\S+)\n/.exec(code)![1]!, code] as const),
]);
const sessions = [...guide.matchAll(/^```console\n\$ npx guestwright (.*)\n([^]*?)^```$/gm)].map(
  ([, line, output]): Session => ({ words: line!.split(" "), output: output! }),
);

/** The registers of a guest that failed, which the guide leaves out: some of their bits are the host's. */
const withoutRegisters = (text: string): string => text.replaceAll(/^ {2}(?:\w+ +0x[0-9a-f]{16} *)+\n/gm, "");

for (const [needsKvm, describeGroup] of [
  [false, describe],
  [true, describeKvm],
] as const) {
  const group = sessions.filter(({ words }) => (words[0] === "run") === needsKvm);
  describeGroup(`the guide's command lines print what it says${needsKvm ? ", on KVM" : ""}`, () => {
    test.each(group)("$words", async ({ words, output }) => {
      const cwd = folderWith({ "package.json": "{}", ...guideFiles });
      const { stdout, stderr } = await guestwright(words, { cwd });
      expect(withoutRegisters(stdout + stderr)).toBe(output);
    });
  });
}

describeKvm("the devices that a module exports", () => {
  const clock = 'name: "clock", ports: { at: 0x70, size: 2 }';
  const guest = realModeGuest(".in(al, 0x70).out(0xe9, al).in(al, 0x71).out(0x71, al).in(al, 0x60).hlt()");
  const ended = async (devices: string, ...words: readonly string[]) =>
    await guestwright(["run", "guest.ts", ...words], {
      cwd: folderWith({ "package.json": "{}", "guest.ts": `${guest}export const devices = ${devices};\n`, input: "a" }),
    });
  const withoutPlaces = (text: string): string => text.replaceAll(/ +at guest.*$/gm, "");

  test("handle accesses, which are no exits then; --input answers the others", async () => {
    const { status, stdout, stderr } = await ended(
      `[{ ${clock}, read: { u8: (offset: number) => 0x41 + offset }, write: { u8: () => {} } }]`,
      "--input=input",
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(withoutPlaces(stdout)).toBe('io-out      port 0xe9 <- 41 "A"\nio-in       port 0x60 -> 61 "a"\nhlt\n');
  });

  test("may answer later, and be those of the library, beside a console", async () => {
    const devices = `[{ ${clock}, read: { u8: async () => 0x42 } }]`;
    expect(await ended(devices, "--console=0xe9")).toMatchObject({ status: 0, stdout: "B" });
    const ends = `[{ ${clock}, read: { u8: () => 7 }, write: { u8: (value: number) => ({ end: value }) } }]`;
    expect(await ended(ends)).toMatchObject({ status: 7, stderr: "" });
    for (const end of ["900", "-1", "1.5"]) {
      const { status, stdout } = await ended(ends.replace("end: value", `end: ${end}`));
      expect(status).toBe(255);
      expect(stdout).toMatch(new RegExp(`\\n {2}${end} ends with 255: exit codes are 0 to 255\\n$`));
    }
  });

  test("handle what the page of a run shows all the same", async () => {
    const cwd = folderWith({
      "package.json": "{}",
      "guest.ts": `${guest}export const devices = [{ ${clock}, read: { u8: () => 0x43 } }];\n`,
    });
    const { stdout } = await guestwright(["run", "guest.ts", "--html=page.html"], { cwd });
    expect(stdout).not.toContain("port 0x70");
    const page = readFileSync(path.join(cwd, "page.html"), "utf8");
    const text = page.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");
    expect(text).toContain("io-in port 0x70: 0x43");
  });

  test.each([
    ["throws", "() => { throw new RangeError('no time'); }"],
    ["rejects", "async () => { throw new RangeError('no time'); }"],
  ])("one whose handler %s ends the run with 3 and the place", async (_, handler) => {
    const devices = `[{ ${clock}, read: { u8: ${handler} } }]`;
    const column = `export const devices = ${devices}`.indexOf("new RangeError") + 1;
    const { status, stderr } = await ended(devices);
    expect({ status, stderr }).toEqual({
      status: 3,
      stderr: `guestwright: guest.ts fails: RangeError: no time\n  at guest.ts:8:${column}\n`,
    });
  });

  test("one that never answers is told, and does not end the run without a word", async () => {
    expect(await ended(`[{ ${clock}, read: { u8: () => new Promise(() => {}) } }]`)).toMatchObject({
      status: 3,
      stderr:
        "guestwright: a device of the guest's module never answers\n  hint: the promise of one of its handlers is neither fulfilled nor rejected\n",
    });
  });

  test("one that answers what does not fit is told by the library", async () => {
    expect(await ended(`[{ ${clock}, read: { u8: () => 256 } }]`)).toMatchObject({
      status: 3,
      stderr: "guestwright: clock: what it answered at port 0x70 is no whole number from 0 to 2^8 - 1: 256\n",
    });
  });

  test("and a console at one port exclude each other", async () => {
    expect(await ended(`[{ ${clock} }]`, "--console=0x70")).toMatchObject({
      status: 3,
      stderr: "guestwright: port 0x70 is of two devices: clock and debug console\n",
    });
  });
});

test("devices that are none end a run with 3, and change nothing for other commands", async () => {
  const cwd = folderWith({ "package.json": "{}", "guest.ts": `${echoGuest}export const devices = 5;\n` });
  expect(await guestwright(["run", "guest.ts"], { cwd })).toMatchObject({
    status: 3,
    stdout: "",
    stderr: expect.stringMatching(
      /^guestwright: guest\.ts exports devices, and devices must be an array of devices; got 5\n {2}hint: export /,
    ) as unknown,
  });
  expect(await guestwright(["inspect", "guest.ts", "memory"], { cwd })).toMatchObject({ stdout: echoMemory });
});

describeKvm("a run", () => {
  /** A guest that writes to a port for ever. */
  const chatter = realModeGuest('.label("again").out(0x10, al).jmp("again")');

  test("runs TypeScript and lists its exits", async () => {
    const cwd = folderWith({ "package.json": "{}", "guest.ts": echoGuest });
    expect(await guestwright(["run", "guest.ts"], { cwd })).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(
        /^io-out {6}port 0xe9 <- 48 "H" {2}at guest.*\(guest\.ts:6\)\n(.*\n)*hlt {7} {2}at /,
      ) as unknown,
      stderr: "",
    });
  });

  test("of a file that can be read but once, such as a pipe, that fails", async () => {
    const image = await layout({
      mode: "protected32",
      memory: { ram: { at: 0x10_0000, size: "4KiB" } },
      place: { guest: { code: code32().ud2(), in: "ram" } },
    }).build();
    const { bytes } = await imageToFile(image, "pvh");
    const cwd = folderWith({ "kernel.elf": bytes });
    const piped = '"$0" "$1" run /dev/fd/3 3< <(cat kernel.elf)';
    const ended = await run("bash", ["-c", piped, process.execPath, program()], { cwd });
    expect(ended).toMatchObject({ status: 5, stderr: "" });
    expect(ended.stdout).toContain("start it with --start pvh");
  });

  test.each([[[]], [["--console=0xe9"]]])("whose output cannot be written ends with 3: %j", async (words) => {
    const { status, stderr } = await onFullDisk(["run", "guest.ts", ...words]);
    expect(status).toBe(3);
    expect(stderr).toMatch(/^guestwright: cannot write standard output: no space is left$/m);
  });

  test("ends without a word when nobody reads any more", async () => {
    const cwd = folderWith({ "package.json": "{}", "guest.ts": chatter });
    const pipeline = `"$0" "$1" run guest.ts --timeout 20s | head -n 2; echo "\${PIPESTATUS[0]}"`;
    const ended = await run("bash", ["-c", pipeline, process.execPath, program()], { cwd });
    expect(ended).toMatchObject({ status: 0, stderr: "" });
    expect(ended.stdout).toMatch(/^io-out .*\nio-out .*\n0\n$/);
  });

  test.each([
    ["spins", '.out(0x10, al).label("again").jmp("again")', "", "guest:again"],
    [
      "waits for a device",
      ".out(0x10, al).in(al, 0x70).hlt()",
      `export const devices = [{ name: "slow", ports: { at: 0x70, size: 1 }, read: { u8: () => sleep(20_000) } }];
import { setTimeout as sleep } from "node:timers/promises";\n`,
      "guest\\+0x2",
    ],
  ])("ends with 130 on Ctrl-C, and says where the guest was: one that %s", async (_, code, more, place) => {
    const cwd = folderWith({ "package.json": "{}", "guest.ts": `${realModeGuest(code)}${more}` });
    const child = spawn(process.execPath, [program(), "run", "guest.ts", "--timeout", "15s"], { cwd });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      // The first exit shows that the guest runs.
      if (text.startsWith("io-out")) child.kill("SIGINT");
    });
    const [status] = (await once(child, "close")) as [number | null];
    expect(status).toBe(130);
    expect(stdout).toMatch(new RegExp(String.raw`^io-out .*\ninterrupted {2}at ${place} \(guest\.ts:6\)\n$`));
  });
});
