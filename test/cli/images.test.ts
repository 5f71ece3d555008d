import { readFileSync, symlinkSync, truncateSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { sectionNames } from "../../src/cli/output/image-sections.ts";
import { code32, imageToFile, imageToHtml, imageToText, layout } from "guestwright";
import { called, folderWith } from "./cli.ts";
import { longModeFile, longModeImage, namedFile, rawCode } from "./image-files.ts";

const folder = async (): Promise<string> =>
  folderWith({
    "guest.json": await longModeFile(),
    "named.json": await namedFile(),
    "strict.json": await longModeFile("rw"),
    "raw.bin": rawCode,
  });

/** Calls a command on a file of a new folder. */
async function onFile(command: string, file: string, ...words: readonly string[]) {
  return await called([command, path.join(await folder(), file), ...words]);
}

describe("inspect", () => {
  test("shows all of the image's text, and the symbols", async () => {
    const { status, stdout } = await onFile("inspect", "guest.json");
    expect(status).toBe(0);
    const { stdout: symbols } = await onFile("inspect", "guest.json", "symbols");
    const blocks = (text: string): string[] => text.trimEnd().split(/\n\n(?=\S)/);
    const text = imageToText(await longModeImage());
    expect(blocks(stdout).toSorted()).toEqual([...blocks(text), symbols.trimEnd()].toSorted());
  });

  test("shows the sections that are named, in its own order", async () => {
    const { stdout } = await onFile("inspect", "guest.json", "warnings", "symbols", "memory");
    expect(stdout).toMatchSnapshot();
  });

  test("shows every section as JSON: bigints as 0x…, bytes as digits", async () => {
    const { stdout } = await onFile("inspect", "guest.json", "--json");
    const found = JSON.parse(stdout) as Record<string, Record<string, unknown>>;
    expect(Object.keys(found)).toEqual(sectionNames);
    expect(found["memory"]!["regions"]).toEqual([{ name: "ram", kind: "ram", at: "0x0", size: "0x8000" }]);
    expect(found["cpu"]).toMatchObject({ mode: "long64", cr4: "0x20" });
    expect(found["symbols"]).toContainEqual({
      name: "place.guest.msg",
      kind: "label",
      value: "0xa",
      physical: "0x400a",
    });
    expect(found["listing"]![0]).toMatchObject({
      listing: expect.arrayContaining([expect.objectContaining({ bytes: "f4" })]) as unknown,
    });
  });
});

describe("inspect --html", () => {
  test("writes a page with all of the image, and prints nothing", async () => {
    const file = path.join(await folder(), "guest.json");
    const page = file.replace("guest.json", "page.html");
    expect(await called(["inspect", file, "--html", page])).toEqual({ status: 0, stdout: "", stderr: "" });
    const expected = imageToHtml(await longModeImage(), { title: "guest.json" });
    expect(readFileSync(page, "utf8")).toBe(expected);
    expect((await called(["inspect", file, "--html", "-"])).stdout).toBe(Buffer.from(expected).toString());
  });

  test("beside a section or --json is refused", async () => {
    const message = "--html writes a page with every section, and nothing else";
    const hint = "leave --json and the sections out";
    expect(await onFile("inspect", "guest.json", "--html", "page.html", "memory")).toEqual({
      status: 2,
      stdout: "",
      stderr: `guestwright: ${message}\n  hint: ${hint}\n`,
    });
    const { status, stderr } = await onFile("inspect", "guest.json", "--html", "page.html", "--json");
    expect(status).toBe(2);
    expect(JSON.parse(stderr)).toEqual({ error: { code: "BAD_VALUE", message, hint } });
  });

  test("a page that cannot be written is said", async () => {
    const { status, stderr } = await onFile("inspect", "guest.json", "--html", "/nowhere/page.html");
    expect({ status, stderr }).toEqual({
      status: 3,
      stderr: "guestwright: cannot write /nowhere/page.html: there is no such folder\n",
    });
  });
});

describe("disasm", () => {
  test("reads programs back, with labels", async () => {
    expect((await onFile("disasm", "guest.json")).stdout).toMatchInlineSnapshot(`
      "  0x00000000  48 0f b6 04 25 00 40 00 00  movzx rax, byte [0x4000]
      end:
        0x00000009  f4                          hlt
      msg:
        0x0000000a  48 69 21 0a                 data
      "
    `);
  });

  test("reads raw bytes from their first, as the mode says", async () => {
    const { stdout } = await onFile("disasm", "raw.bin", "--at", "0x7c00", "--mode", "real16");
    expect(stdout).toMatchInlineSnapshot(`
      "  0x00007c00  b0 48  mov al, 0x48
        0x00007c02  e6 e9  out 0xe9, al
        0x00007c04  f4     hlt
        0x00007c05  0f     (no instruction)
      "
    `);
  });

  test("reads other bytes, of another size", async () => {
    const { stdout } = await onFile(
      "disasm",
      "guest.json",
      "--from",
      "0x4009",
      "--size",
      "1",
      "--bits",
      "16",
      "--json",
    );
    expect(JSON.parse(stdout)).toEqual({ kind: "instruction", address: "0x4009", bytes: "f4", text: "hlt" });
  });

  test("a size without a beginning is refused", async () => {
    expect(await onFile("disasm", "guest.json", "--size", "4")).toEqual({
      status: 2,
      stdout: "",
      stderr: "guestwright: --size says how many bytes from --from on\n  hint: give --from, too\n",
    });
  });

  test("says where nothing was loaded", async () => {
    expect(await onFile("disasm", "guest.json", "--from", "0x9000")).toEqual({
      status: 3,
      stdout: "",
      stderr:
        "guestwright: nothing was loaded at physical 0x9000\n  hint: guestwright inspect FILE memory shows what lies where\n",
    });
  });
});

describe("walk", () => {
  test("an access that succeeds ends with 0", async () => {
    const { status, stdout } = await onFile("walk", "guest.json", "0x4010");
    expect({ status, stdout }).toMatchSnapshot();
  });

  test("one that faults ends with 1, and says why", async () => {
    const { status, stdout } = await onFile("walk", "guest.json", "guest.msg", "--access", "write", "--user");
    expect({ status, stdout }).toMatchSnapshot();
  });

  test("an address that is not canonical has no steps", async () => {
    const { status, stdout } = await onFile("walk", "guest.json", "0x800000000000");
    expect({ status, stdout }).toMatchSnapshot();
  });

  test("an entry that is not present is the last step", async () => {
    const { stdout } = await onFile("walk", "guest.json", "0x200000");
    expect(stdout).toContain("  PDE 1 at 0x2008 is 0x0: not present\n");
  });

  test("without paging", async () => {
    const { status, stdout } = await onFile("walk", "raw.bin", "0x7c00", "--at", "0x7c00", "--mode", "real16");
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: "0x7c00; a read in supervisor mode\npaging is off: the address is physical\n",
    });
  });

  test("as JSON", async () => {
    const { stdout } = await onFile("walk", "guest.json", "guest.msg", "--json", "--access", "write");
    expect(JSON.parse(stdout)).toMatchObject({
      address: "0xa",
      mode: "4-level",
      mapping: "text",
      page: { phys: "0x400a", pageSize: "4KiB", access: "rx" },
      steps: [{ entry: "PML4E" }, { entry: "PDPTE" }, { entry: "PDE" }, { entry: "PTE", index: 0, at: "0x3000" }],
    });
  });

  test.each([
    ["guest", "place.guest at 0x400000, of the mapping text"],
    ["msg", "place.guest.msg at 0x400001, of the mapping text"],
    ["guest.msg+0x10", "place.guest.msg+0x10 at 0x400011, of the mapping text"],
    ["msg-1", "place.guest.msg-0x1 at 0x400000, of the mapping text"],
    ["place.guest.rodata", "place.guest.rodata at 0x501000, of the mapping data"],
    ["paging.map.data", "paging.map.data at 0x500000, of the mapping data"],
    ["data.end", 'paging.map.data.end at 0x503000, between "data" and "page-1"'],
    ["page-1", "paging.map.page-1 at 0x600000, of the mapping page-1"],
    ["page-1-1", 'paging.map.page-1-0x1 at 0x5fffff, between "data" and "page-1"'],
    ["stacks.main", "stacks.main at 0x7fe000, of the mapping main"],
    ["main.end", 'stacks.main.end at 0x7ff000, guard page above stack "main"'],
    ["main-8", 'stacks.main-0x8 at 0x7fdff8, guard page below stack "main"'],
    ["gdt", "gdt at 0x502fe0, of the mapping data"],
    ["tables", 'the physical address paging.tables, taken as virtual, at 0x10000, below "text"'],
  ])("to %s", async (word, where) => {
    const file = path.join(await folder(), "named.json");
    const { stdout, stderr } = await called(["walk", file, word]);
    expect({ stdout, stderr }).toEqual({
      stdout: expect.stringContaining(`${where}; a read in supervisor mode\n`) as unknown,
      stderr: "",
    });
  });

  const takes =
    "ADDRESS must be an address such as 0x1000, 4096 or 4KiB, or a name such as guest.msg, stacks.main or paging.map.data+0x10; got";
  const several = 'ADDRESS: "rodata" has several places\n  hint: name one of them';
  test.each([
    ["guest.mgs", `${takes} "guest.mgs"\n  hint: did you mean guest.msg?`],
    ["stack.main", `${takes} "stack.main"\n  hint: did you mean stacks.main?`],
    ["guest.mgs+0x10", `${takes} "guest.mgs+0x10"\n  hint: did you mean guest.msg?`],
    ["rodata", `${several}: place.guest.rodata, place.other.rodata`],
    ["rodata+0x10", `${several}: place.guest.rodata, place.other.rodata`],
    [
      "data.size",
      "ADDRESS must be an address; paging.map.data.size is a number, 0x3000\n  hint: guestwright inspect FILE symbols lists the names, and what each is",
    ],
    [
      "gdt.segments.code",
      "ADDRESS must be an address; gdt.segments.code is a selector, 0x8\n  hint: guestwright inspect FILE symbols lists the names, and what each is",
    ],
    ["msg-0x500000", "ADDRESS must be of 64 bits, which msg-0x500000 is not"],
  ])("a name that is no address: %s", async (word, message) => {
    const file = path.join(await folder(), "named.json");
    expect(await called(["walk", file, word])).toEqual({
      status: 2,
      stdout: "",
      stderr: `guestwright: ${message}\n`,
    });
  });

  test("a write that only CR0.WP allows says so", async () => {
    const file = path.join(await folder(), "named.json");
    const { status, stdout } = await called(["walk", file, "guest", "--access", "write"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /\na supervisor write to 0x400000 \("text"\) succeeds: R\/W \(bit 1\) is clear in PTE 0x\w+ at 0x\w+, but CR0\.WP is clear and the access is the supervisor's\n$/,
    );
    const json = JSON.parse((await called(["walk", file, "guest", "--access", "write", "--json"])).stdout) as object;
    expect(json).toMatchObject({ exemption: { reason: "wp-clear", bits: [1], step: { entry: "PTE" } } });
  });
});

describe("diff", () => {
  test("ends with 1 and says what changed", async () => {
    const place = await folder();
    const files = [`${place}/guest.json`, `${place}/strict.json`];
    const { status, stdout } = await called(["diff", ...files]);
    expect({ status, stdout }).toMatchSnapshot();
    const json = await called(["diff", ...files, "--json"]);
    const changes = json.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    expect(changes).toContainEqual(
      expect.objectContaining({ part: "mapping", kind: "changed", subject: "mapping data" }),
    );
  });

  test("equal images end with 0 and say nothing", async () => {
    const file = path.join(await folder(), "guest.json");
    expect(await called(["diff", file, file])).toEqual({ status: 0, stdout: "", stderr: "" });
  });
});

describe("check", () => {
  const warning =
    "warning WRITABLE_AND_EXECUTABLE: paging.map.data is writable and executable: the guest can run what it writes\n";

  test("warnings decide about the exit code where one asks for it", async () => {
    expect(await onFile("check", "guest.json")).toEqual({ status: 0, stdout: warning, stderr: "" });
    expect(await onFile("check", "guest.json", "--deny-warnings")).toMatchObject({ status: 1, stdout: warning });
    expect(await onFile("check", "strict.json", "--deny-warnings")).toMatchObject({
      status: 0,
      stdout: "nothing found\n",
    });
  });

  test("as JSON", async () => {
    const { stdout } = await onFile("check", "guest.json", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ severity: "warning", code: "WRITABLE_AND_EXECUTABLE" });
    expect((await onFile("check", "strict.json", "--json")).stdout).toBe("");
  });

  test("what a target refuses is an error", async () => {
    expect(await onFile("check", "strict.json", "--target", "firecracker", "--format", "multiboot")).toMatchObject({
      status: 1,
      stdout: "error EXPORT_REFUSED: firecracker: it does not know Multiboot: use pvh\n",
    });
  });

  test("what a format cannot hold is an error, with what to do", async () => {
    expect(await onFile("check", "strict.json", "--format", "boot-sector")).toMatchObject({
      status: 1,
      stdout:
        "error EXPORT_IMPOSSIBLE: boot-sector: it starts in long64, and firmware in real mode\n  hint: use mode real16\n",
    });
  });
});

describe("export", () => {
  test("writes a file that readelf reads, and says how to start it", async () => {
    const place = await folder();
    const output = `${place}/out.elf`;
    const { status, stdout, stderr } = await called([
      "export",
      `${place}/guest.json`,
      "--output",
      output,
      "--target",
      "qemu",
    ]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const size = readFileSync(output).length;
    expect(stdout).toMatch(
      new RegExp(`^${output}: ${size} bytes, for a machine with \\d+KiB or more\n  qemu: -kernel ${output}\n$`),
    );
    expect([...readFileSync(output).subarray(0, 4)]).toEqual([0x7f, 0x45, 0x4c, 0x46]);
  });

  test("hands the bytes to standard output", async () => {
    const { stdout } = await onFile("export", "raw.bin", "--at=0x7c00", "--mode=real16", "--format=raw", "--output=-");
    expect(Buffer.from(stdout, "latin1")).toEqual(Buffer.from(rawCode));
  });

  test("bytes and --json exclude each other on standard output", async () => {
    const { status, stdout, stderr } = await onFile("export", "guest.json", "--output=-", "--json");
    expect({ status, stdout, error: JSON.parse(stderr) as object }).toEqual({
      status: 2,
      stdout: "",
      error: {
        error: {
          code: "BAD_VALUE",
          message: "--json and --output - both want standard output",
          hint: "name a file with --output",
        },
      },
    });
  });

  test("writes nothing that the target refuses", async () => {
    const place = await folder();
    const output = `${place}/out.elf`;
    const words = [
      "export",
      `${place}/guest.json`,
      "--output",
      output,
      "--format",
      "multiboot",
      "--target",
      "firecracker",
    ];
    expect(await called(words)).toEqual({
      status: 1,
      stdout: "",
      stderr: "error EXPORT_REFUSED: firecracker: it does not know Multiboot: use pvh\n",
    });
    expect(JSON.parse((await called([...words, "--json"])).stdout)).toMatchObject({
      findings: [{ code: "EXPORT_REFUSED" }],
    });
    expect(() => readFileSync(output)).toThrow("ENOENT");
  });

  test("a file that cannot be written", async () => {
    const place = await folder();
    const words = ["export", `${place}/guest.json`, "--output", `${place}/none/out.elf`];
    expect(await called(words)).toMatchObject({
      status: 3,
      stderr: `guestwright: cannot write ${place}/none/out.elf: there is no such folder\n`,
    });
  });

  test("as JSON", async () => {
    const place = await folder();
    const { stdout } = await called([
      "export",
      `${place}/guest.json`,
      "--output",
      `${place}/out`,
      "--format",
      "elf64",
      "--json",
    ]);
    expect(JSON.parse(stdout)).toMatchObject({
      file: `${place}/out`,
      format: "elf64",
      memorySize: "0x8000",
      findings: [
        { severity: "warning", code: "EXPORT_REFUSED", message: "firecracker: it starts at 0x0, below 1 MiB" },
      ],
    });
  });

  test("names those that would start the file, and warns of those that take such files but not this one", async () => {
    const place = await folder();
    const exported = (format: string): Promise<unknown> =>
      called(["export", `${place}/guest.json`, "--output", `${place}/out`, "--format", format]);
    expect(await exported("pvh")).toMatchObject({
      status: 0,
      stderr: "",
      stdout: expect.stringContaining("\n  firecracker: --kernel-image-path ") as string,
    });
    expect(await exported("elf64")).toMatchObject({
      status: 0,
      stderr: "warning EXPORT_REFUSED: firecracker: it starts at 0x0, below 1 MiB\n",
      stdout: expect.not.stringContaining("firecracker") as string,
    });
  });
});

describe("what a file of code is given besides", () => {
  const range = "an address and a size of whole pages below 2^52 such as 0x100000+1MiB";
  const pages = "a size of whole pages such as 64KiB, 0x10000 or 0";
  const raw = ["raw.bin", "--at=0x100000", "--mode=long64"] as const;

  test("more memory, another first instruction, another stack", async () => {
    const options = ["--entry=0x100004", "--ram=0x200000+1MiB", "--ram", "0x400000+4KiB", "--stack=8KiB"];
    const { stdout } = await onFile("inspect", ...raw, "memory", "cpu", "--json", ...options);
    const { memory, cpu } = JSON.parse(stdout) as { memory: { regions: object[] }; cpu: { regs: object } };
    expect(memory.regions).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ at: "0x100000", size: "0x1000" }),
        expect.objectContaining({ at: "0x200000", size: "0x100000" }),
      ]),
    );
    // The GDT has a page behind all memory, then come page tables, then the stack.
    expect(memory.regions.at(-1)).toMatchObject({ at: "0x400000" });
    expect(cpu.regs).toMatchObject({ rip: "0x100004" });
  });

  test("more memory than it may take, unless it may", async () => {
    const tooMuch =
      "the guest takes 1048580KiB of memory, and 1GiB are allowed\n  hint: raise memoryLimit (--memory-limit";
    const ram = "--ram=0x200000+1GiB";
    const refused = await onFile("inspect", ...raw, "memory", ram);
    expect(refused).toMatchObject({ status: 3, stdout: "", stderr: expect.stringContaining(tooMuch) as string });
    const allowed = await onFile("inspect", ...raw, "memory", ram, "--memory-limit=2GiB");
    expect(allowed).toMatchObject({ status: 0, stderr: "" });
  });

  test.each([
    ["--ram=0x200000", `--ram must be ${range}; got "0x200000"`],
    ["--ram=0x200000+0", `--ram must be ${range}; got "0x200000+0"`],
    ["--ram=0x200000+100", `--ram must be ${range}; got "0x200000+100"`],
    ["--ram=0xfffffffff0000+128KiB", `--ram must be ${range}; got "0xfffffffff0000+128KiB"`],
    ["--stack=big", `--stack must be ${pages}; got "big"`],
    ["--stack=100", `--stack must be ${pages}; got "100"`],
    ["--memory-limit=lots", `--memory-limit must be ${pages}; got "lots"`],
  ])("%s is refused", async (option, message) => {
    expect(await onFile("inspect", ...raw, option)).toEqual({
      status: 2,
      stdout: "",
      stderr: `guestwright: ${message}\n`,
    });
  });
});

/** An ELF file with two labels, in 32-bit protected mode. */
async function elfFile(): Promise<Uint8Array> {
  const image = await layout({
    mode: "protected32",
    memory: { ram: { at: 0x10_0000, size: "4KiB" } },
    place: { guest: { code: code32().label("main").nop().nop().label("other").hlt(), in: "ram" } },
  }).build();
  return (await imageToFile(image, "elf32")).bytes;
}

describe("an ELF file's first instruction", () => {
  const rip = async (...words: readonly string[]): Promise<unknown> => {
    const file = path.join(folderWith({ "kernel.elf": await elfFile() }), "kernel.elf");
    const { stdout, stderr, status } = await called(["inspect", file, "cpu", "--json", ...words]);
    return status === 0
      ? (JSON.parse(stdout) as { cpu: { regs: { rip: string } } }).cpu.regs.rip
      : [status, (JSON.parse(stderr) as { error: object }).error];
  };

  test("is a symbol, or an address", async () => {
    expect(await rip()).toBe("0x100000");
    expect(await rip("--entry", "other")).toBe("0x100002");
    expect(await rip("--entry=0x100001", "--stack=4KiB", "--ram=0x200000+4KiB")).toBe("0x100001");
  });

  test("that is like none is an error, with the symbols that there are", async () => {
    expect(await rip("--entry=interrupt_table")).toMatchObject([
      3,
      {
        message: expect.stringMatching(/: the file has no symbol "interrupt_table"$/) as unknown,
        hint: "it has main, other, guest",
      },
    ]);
  });

  test("that is none is an error, with the symbol that is near", async () => {
    expect(await rip("--entry=othre")).toEqual([
      3,
      {
        code: "BAD_FILE",
        message: expect.stringMatching(/^\/.*\/kernel\.elf: the file has no symbol "othre"$/) as unknown,
        hint: "did you mean other?",
      },
    ]);
  });
});

describe("an option for other files", () => {
  const values = {
    export: "image",
    at: "0x7c00",
    mode: "real16",
    entry: "0x7c00",
    start: "pvh",
    ram: "0x100000+4KiB",
    stack: "4KiB",
  } as const;
  const isFor = {
    export: "modules",
    at: "raw bytes",
    mode: "raw bytes",
    entry: "raw bytes and ELF files",
    start: "ELF files",
    ram: "raw bytes and ELF files",
    stack: "raw bytes and ELF files",
  } as const;

  test.each<readonly [file: string, is: string, refused: readonly (keyof typeof values)[]]>([
    ["guest.ts", "a module", ["at", "mode", "entry", "start", "ram", "stack"]],
    ["guest.json", "an image in JSON", ["export", "at", "mode", "entry", "start", "ram", "stack"]],
    ["kernel.elf", "an ELF file", ["export", "at", "mode"]],
    ["raw.bin", "raw bytes", ["export", "start"]],
  ])("of %s, %s, is refused: %j", async (name, is, refused) => {
    // The module must not even be imported.
    const files = { "guest.ts": "throw 1;", "guest.json": await longModeFile(), "kernel.elf": await elfFile() };
    const file = path.join(folderWith({ ...files, "raw.bin": rawCode }), name);
    for (const option of refused) {
      expect(await called(["inspect", file, `--${option}=${values[option]}`])).toEqual({
        status: 2,
        stdout: "",
        stderr: `guestwright: --${option} is for ${isFor[option]}; ${file} is ${is}\n  hint: leave --${option} out\n`,
      });
    }
  });

  test("of two files is for one of them at least", async () => {
    const place = await folder();
    const [image, raw] = [`${place}/strict.json`, `${place}/raw.bin`];
    expect(await called(["diff", image, raw, "--at=0x7c00", "--mode=real16"])).toMatchObject({ status: 1, stderr: "" });
    expect(await called(["diff", image, raw, "--at=0x7c00", "--mode=real16", "--export=image"])).toEqual({
      status: 2,
      stdout: "",
      stderr: `guestwright: --export is for modules; ${image} is an image in JSON, ${raw} is raw bytes\n  hint: leave --export out\n`,
    });
  });

  test("of diff is for each file that it is given for", async () => {
    const place = folderWith({ "guest.json": await longModeFile(), "guest.ts": "throw 1;" });
    const [image, module] = [`${place}/guest.json`, `${place}/guest.ts`];
    expect(await called(["diff", image, module, "--export=a", "--export=b"])).toEqual({
      status: 2,
      stdout: "",
      stderr: `guestwright: --export is for modules; ${image} is an image in JSON\n  hint: leave --export out\n`,
    });
    expect(await called(["diff", module, module, "--export=a", "--export=b", "--export=c"])).toEqual({
      status: 2,
      stdout: "",
      stderr: "guestwright: --export is given 3 times, and there are two files\n",
    });
  });

  test("raw bytes have no symbols", async () => {
    expect(await onFile("inspect", "raw.bin", "--at=0x7c00", "--mode=real16", "--entry=main")).toEqual({
      status: 2,
      stdout: "",
      stderr: 'guestwright: --entry must be an address such as 0x1000, 4096 or 4KiB; got "main"\n',
    });
  });
});

describe("a file that is no guest", () => {
  test.each([
    ["nope.ts", "there is no such file"],
    [".", "it is a folder"],
  ])("%s", async (name, why) => {
    const file = path.join(await folder(), name);
    expect(await called(["inspect", file])).toEqual({
      status: 3,
      stdout: "",
      stderr: `guestwright: cannot read ${file}: ${why}\n`,
    });
  });

  test("bytes without a format need to be told where they lie", async () => {
    const file = path.join(await folder(), "raw.bin");
    expect(await called(["run", file, "--at", "0x7c00"])).toEqual({
      status: 3,
      stdout: "",
      stderr: `guestwright: ${file} is neither a module, nor an image in JSON, nor an ELF file\n  hint: for raw bytes say where they lie and how they start: --at 0x7c00 --mode real16\n`,
    });
  });

  test("bytes that are no image are told by what reads them, with the file's name", async () => {
    const place = folderWith({ "a.json": "{}", "b.elf": "\x7fELF", "c.bin": "" });
    expect(await called(["check", `${place}/a.json`])).toMatchObject({
      status: 3,
      stderr: `guestwright: ${place}/a.json: format: expected "guestwright image", got nothing\n`,
    });
    expect(await called(["check", `${place}/c.bin`, "--at=0", "--mode=real16"])).toMatchObject({
      status: 3,
      stderr: `guestwright: ${place}/c.bin: there are no bytes\n`,
    });
    expect(await called(["check", `${place}/b.elf`])).toMatchObject({
      status: 3,
      stderr: expect.stringMatching(/^guestwright: \/.*\/b\.elf: /) as unknown,
    });
  });

  test("code in real mode has no stack to be given", async () => {
    expect(await onFile("inspect", "raw.bin", "--at=0", "--mode=real16", "--stack=8KiB")).toEqual({
      status: 2,
      stdout: "",
      stderr: "guestwright: --stack must be 0 in real16, where code sets up its own; got 8KiB\n",
    });
  });

  test("one that is too large is not read", async () => {
    const file = path.join(folderWith({ "large.bin": "" }), "large.bin");
    // The file is all hole.
    truncateSync(file, 5 * 1024 ** 3);
    expect(await called(["inspect", file, "--at=0", "--mode=real16"])).toEqual({
      status: 3,
      stdout: "",
      stderr: `guestwright: cannot read ${file}: it is larger than 2 GiB\n`,
    });
  });

  test("what has no end is not read", async () => {
    expect(await called(["check", "/dev/zero", "--at=0", "--mode=real16"])).toMatchObject({
      status: 3,
      stderr: "guestwright: cannot read /dev/zero: it is a device, not a file\n",
    });
  });
});

describe("a file that is written", () => {
  test.each([
    ["inspect", "--html"],
    ["run", "--html"],
    ["export", "--output"],
  ])("by %s %s is not the guest's own, by whatever name", async (command, option) => {
    const place = await folder();
    symlinkSync("guest.json", path.join(place, "link"));
    const before = readFileSync(path.join(place, "guest.json"));
    for (const name of ["guest.json", "./guest.json", "link"]) {
      const output = `${place}/${name}`;
      expect(await called([command, `${place}/guest.json`, option, output])).toMatchObject({
        status: 3,
        stderr: `guestwright: ${output} is the file that the guest is read from, and would be lost\n  hint: name another file\n`,
      });
    }
    expect(readFileSync(path.join(place, "guest.json"))).toEqual(before);
  });

  test("nor has export's own choice of a name that of the guest", async () => {
    const place = folderWith({ "kernel.elf": await elfFile() });
    const before = readFileSync(path.join(place, "kernel.elf"));
    const cwd = process.cwd();
    try {
      process.chdir(place);
      expect(await called(["export", "kernel.elf", "--format=elf32"])).toMatchObject({
        status: 3,
        stderr: expect.stringContaining("kernel.elf is the file that the guest is read from") as unknown,
      });
    } finally {
      process.chdir(cwd);
    }
    expect(readFileSync(path.join(place, "kernel.elf"))).toEqual(before);
  });

  test("nor is it the input of a run", async () => {
    const place = await folder();
    const input = `${place}/raw.bin`;
    expect(await called(["run", `${place}/guest.json`, "--input", input, "--html", input])).toMatchObject({
      status: 3,
      stderr: `guestwright: ${input} is the file that input is read from, and would be lost\n  hint: name another file\n`,
    });
    expect(readFileSync(input)).toEqual(Buffer.from(rawCode));
  });

  test("cannot be what the format does not hold: the message names the guest's file", async () => {
    const file = path.join(await folder(), "guest.json");
    expect(await called(["export", file, "--format=boot-sector"])).toMatchObject({
      status: 3,
      stdout: "",
      stderr: `guestwright: ${file}: boot-sector: it starts in long64, and firmware in real mode\n  hint: use mode real16\n`,
    });
  });

  test("can be written before the guest runs", async () => {
    const place = await folder();
    expect(await called(["run", `${place}/guest.json`, "--html", place])).toEqual({
      status: 3,
      stdout: "",
      stderr: `guestwright: cannot write ${place}: it is a folder\n`,
    });
  });
});
