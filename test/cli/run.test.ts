import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { al, ax, code16, code32, dx, imageToFile, imageToJson, layout, type Code16 } from "guestwright";
import { expect, test } from "vitest";
import { describeKvm } from "../kvm/require-kvm.ts";
import { called, folderWith } from "./cli.ts";
import { longModeFile, rawCode } from "./image-files.ts";

/** The file of a real-mode guest of this code. */
async function fileOf(code: Code16<never, never> | Code16<"again", never>): Promise<string> {
  const image = await layout({
    mode: "real16",
    memory: { ram: { at: 0x0, size: "4KiB" } },
    place: { guest: { code, in: "ram" } },
  }).build();
  return path.join(folderWith({ "guest.json": imageToJson(image), input: "ab" }), "guest.json");
}

const withoutSource = (text: string): string => text.replaceAll(/ \(test\/.*?\)$/gm, "");

describeKvm("run", () => {
  test("--html writes a page with the exits, and lists them as without", async () => {
    const file = await fileOf(code16().mov(al, 0x48).out(0x10, al).hlt());
    const page = file.replace("guest.json", "page.html");
    const listed = await called(["run", file]);
    expect(await called(["run", file, "--html", page])).toEqual(listed);
    const text = readFileSync(page, "utf8")
      .replaceAll(/<[^>]*>/g, " ")
      .replaceAll(/\s+/g, " ");
    expect(text).toContain("2 exits, in order, not to the clock");
    expect(text).toContain("1 io-out port 0x10: &quot;H&quot; guest+0x2");
  });

  test("lists exits with what they are about and where the guest was", async () => {
    const file = await fileOf(code16().mov(al, 0x48).out(0x10, al).in(ax, 0x20).mov(dx, 0x1000).out(dx, ax).hlt());
    const { status, stdout, stderr } = await called(["run", file, "--input", file.replace("guest.json", "input")]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(withoutSource(stdout)).toBe(
      [
        'io-out      port 0x10 <- 48 "H"  at guest+0x2',
        'io-in       port 0x20 -> 61 62 "ab"  at guest+0x4',
        'io-out      port 0x1000 <- 61 62 "ab"  at guest+0x9',
        "hlt         at guest+0xa",
        "",
      ].join("\n"),
    );
  });

  test("as JSON, an object a line, with the place", async () => {
    const file = await fileOf(code16().mov(al, 0x48).out(0x10, al).hlt());
    const { stdout } = await called(["run", file, "--json"]);
    const exits = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    expect(exits).toMatchObject([
      { kind: "io-out", port: 0x10, size: 1, count: 1, data: "48", where: { program: "guest", offset: "0x2" } },
      { kind: "hlt", where: { rip: "0x4", offset: "0x4", text: "hlt" } },
    ]);
  });

  test("with a console, its output is alone on standard output", async () => {
    const file = path.join(folderWith({ "raw.bin": rawCode }), "raw.bin");
    expect(await called(["run", file, "--at", "0x7c00", "--mode", "real16", "--console", "0xe9"])).toEqual({
      status: 0,
      stdout: "H",
      stderr: "hlt         at raw+0x4\n",
    });
  });

  test("a console at a serial port is a whole one, and what comes in is read there", async () => {
    const code = code16()
      .mov(dx, 0x3fd)
      .label("again")
      .in(al, dx)
      .test(al, 1)
      .jz("again")
      .mov(dx, 0x3f8)
      .in(al, dx)
      .out(dx, al)
      .hlt();
    const words = ["run", await fileOf(code), "--console", "0x3f8", "--input", "-"];
    expect(await called(words, { input: () => Uint8Array.of(0x7a) })).toMatchObject({ status: 0, stdout: "z" });
  });

  test.each([
    [0, 0],
    [0x2a, 0x2a],
    [0xff, 0xff],
    [0x100, 255, "  256 ends with 255: exit codes are 0 to 255\n"],
    [0x12a, 255, "  298 ends with 255: exit codes are 0 to 255\n"],
  ])("the exit port decides about the exit code: %i is %i", async (code, exit, note = "") => {
    const words = [
      "run",
      await fileOf(code16().mov(ax, code).label("again").out(0xf4, ax).hlt()),
      "--exit-port",
      "0xf4",
    ];
    const { status, stdout } = await called(words);
    expect(status).toBe(exit);
    expect(withoutSource(stdout)).toBe(`guest-exit  device exit device, code ${code}  at guest:again\n${note}`);
    const json = await called([...words, "--json"]);
    expect(json).toMatchObject({ status: exit, stdout: expect.stringMatching(/^\{.*\}\n$/) as unknown });
    expect(JSON.parse(json.stdout)).toMatchObject({
      kind: "guest-exit",
      code,
      where: { label: "again", offset: "0x0" },
    });
  });

  test("a state that KVM refuses is told with the file's name", async () => {
    const file = await fileOf(code16().hlt());
    writeFileSync(file, readFileSync(file, "utf8").replace('"cr0": "$bigint:0x0"', '"cr0": "$bigint:0x80000010"'));
    expect(await called(["run", file])).toMatchObject({
      status: 3,
      stdout: "",
      stderr: expect.stringMatching(
        /^guestwright: \/.*\/guest\.json: KVM_SET_SREGS failed: EINVAL\n {2}hint: /,
      ) as unknown,
    });
  });

  test("a console is asked for once, and a page is no list of exits", async () => {
    const guest = await fileOf(code16().hlt());
    expect(await called(["run", guest, "--console=0xe9", "--console=233"])).toMatchObject({
      status: 2,
      stderr: "guestwright: --console 0xe9 is given twice\n",
    });
    expect(await called(["run", guest, "--html=-"])).toMatchObject({
      status: 2,
      stderr:
        "guestwright: --html - and the list of exits both want standard output\n  hint: name a file with --html\n",
    });
  });

  test("a guest that is out of time, or of exits, ends with 124", async () => {
    const spin = await fileOf(code16().label("again").jmp("again"));
    const timeout = await called(["run", spin, "--timeout", "20ms"]);
    expect(timeout).toMatchObject({ status: 124 });
    expect(withoutSource(timeout.stdout)).toMatch(/^timeout {5}after \d+ ms of the guest's time {2}at guest:again\n$/);
    const chatter = await fileOf(code16().label("again").out(0x10, al).jmp("again"));
    const limited = await called(["run", chatter, "--max-exits", "2"]);
    expect(limited).toMatchObject({ status: 124 });
    expect(limited.stdout.split("\n").map((line) => line.split(" ")[0])).toEqual([
      "io-out",
      "io-out",
      "exit-limit",
      "",
    ]);
  });

  test("--html says why a guest shut down, as the list of exits does", async () => {
    const folder = folderWith({
      "guest.json": (await longModeFile()).replace('"rip": "$bigint:0x0"', '"rip": "$bigint:0x9000"'),
    });
    await called(["run", `${folder}/guest.json`, "--html", `${folder}/page.html`]);
    const list = /<ol class="findings">.*?<\/ol>/s.exec(readFileSync(`${folder}/page.html`, "utf8"))![0];
    expect([...list.matchAll(/(?<=<li>)[^<]*/g)].map(([text]) => text)).toEqual([
      "fetching the instruction at 0x9000 raised #PF(0x10): it is not mapped",
      "no exception can be delivered: the guest has no IDT (IDTR&#39;s limit is 0x0)",
    ]);
  });

  test("a guest that fails ends with 5, says why, and shows its registers", async () => {
    const folder = folderWith({
      "guest.json": (await longModeFile()).replace('"rip": "$bigint:0x0"', '"rip": "$bigint:0x9000"'),
    });
    const { status, stdout } = await called(["run", `${folder}/guest.json`]);
    expect(status).toBe(5);
    const why = [
      "shutdown    at 0x9000 (not mapped)",
      "  fetching the instruction at 0x9000 raised #PF(0x10): it is not mapped",
      "  no exception can be delivered: the guest has no IDT (IDTR's limit is 0x0)",
      "    hint: describe one with the layout's idt key, or load one with lidt",
      "  rax    0x0000000000000000 ",
    ].join("\n");
    expect(stdout.slice(0, why.length)).toBe(why);
    expect(stdout).toMatch(/ rip {4}0x0000000000009000 /);
    expect(stdout).toMatch(/ efer {3}0x[0-9a-f]{16}\n$/);
    const json = await called(["run", `${folder}/guest.json`, "--json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      kind: "shutdown",
      where: { rip: "0x9000" },
      findings: [
        {
          kind: "exception",
          exception: "#PF",
          errorCode: 16,
          cause: "fetch",
          address: "0x9000",
          fault: { errorCode: 16 },
        },
        { kind: "undeliverable", reason: "no-idt" },
      ],
    });
  });
});

describeKvm("an ELF file with a PVH note whose guest fails", () => {
  test.each([
    [
      "at its ELF entry",
      [],
      /^ {2}the file has a PVH note, and the guest was started at its ELF entry 0x[0-9a-f]+: start it with --start pvh$/m,
    ],
    [
      "at its PVH entry",
      ["--start", "pvh"],
      /^ {2}the guest was started at its PVH entry 0x[0-9a-f]+; --start entry starts it at its ELF entry 0x[0-9a-f]+$/m,
    ],
  ])("%s", async (_, words, hint) => {
    const image = await layout({
      mode: "protected32",
      memory: { ram: { at: 0x10_0000, size: "64KiB" } },
      place: { guest: { code: code32().nop().ud2(), in: "ram" } },
    }).build();
    const { bytes } = await imageToFile(image, "pvh");
    const file = path.join(folderWith({ "kernel.elf": bytes }), "kernel.elf");
    const { status, stdout } = await called(["run", file, ...words]);
    expect(status).toBe(5);
    expect(stdout).toMatch(hint);
    const json = await called(["run", file, "--json", ...words]);
    expect(`  ${(JSON.parse(json.stdout) as { startHint: string }).startHint}`).toMatch(hint);
    // One that was started elsewhere is not told of these two.
    const elsewhere = await called(["run", file, "--entry=0x100001", ...words]);
    expect(elsewhere).toMatchObject({ status: 5, stdout: expect.not.stringContaining("entry") as unknown });
  });
});

test.each([
  ["/dev/nothing", "cannot open /dev/nothing: there is no such file (ENOENT)"],
  ["/dev/null", "/dev/null is not KVM's device: KVM_GET_API_VERSION failed (ENOTTY)"],
])("without KVM, %s, the run ends with 4 and what to do", async (device, message) => {
  const file = path.join(folderWith({ "guest.json": await longModeFile() }), "guest.json");
  const { status, stdout, stderr } = await called(["run", file, "--device", device]);
  expect({ status, stdout }).toEqual({ status: 4, stdout: "" });
  expect(stderr.startsWith(`guestwright: ${message}\n  hint: `)).toBe(true);
});

test("--console and --json exclude each other", async () => {
  const { status, stderr } = await called(["run", "guest.json", "--json", "--console", "0xe9"]);
  expect(status).toBe(2);
  expect(JSON.parse(stderr)).toEqual({
    error: {
      code: "BAD_VALUE",
      message: "--json and --console both want standard output",
      hint: "with --json, what the guest prints is in the data of its io-out exits",
    },
  });
});
