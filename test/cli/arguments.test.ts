import { expect, test } from "vitest";
import { commands } from "../../src/cli/commands.ts";
import { textOf } from "../project/source-files.ts";
import { called } from "./cli.ts";

const version = (JSON.parse(textOf("package.json")) as { version: string }).version;

test.each([["--version"], ["-v"]])("%s prints the package's version", async (word) => {
  expect(await called([word])).toEqual({ status: 0, stdout: `${version}\n`, stderr: "" });
});

test.each([["--help"], ["-h"], ["help"]])("%s lists every command on standard output", async (word) => {
  const { status, stdout, stderr } = await called([word]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  for (const [name, { summary }] of Object.entries(commands))
    expect(stdout).toContain(`  ${name.padEnd(7)}  ${summary}\n`);
});

test("without a command, the help goes to standard error and the exit code is that of a wrong command line", async () => {
  const { stdout } = await called(["--help"]);
  expect(await called([])).toEqual({ status: 2, stdout: "", stderr: stdout });
});

test.each(Object.keys(commands))(
  "%s --help shows usage, options and examples, however it is asked for",
  async (name) => {
    const { status, stdout, stderr } = await called([name, "--help"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`^Usage: guestwright ${name} `));
    expect(stdout).toMatch(/\nOptions:\n(.*\n)*\nExamples:\n  guestwright .*\n(.*\n)*\nExit codes:\n  0 /);
    expect(await called(["help", name])).toEqual({ status, stdout, stderr });
    expect(await called([name, "-h", "--nonsense"])).toEqual({ status, stdout, stderr });
  },
);

test.each([[], ...Object.keys(commands).map((name) => [name])])(
  "the guide has the help of guestwright %s",
  async (...words) => {
    const { stdout } = await called([...words, "--help"]);
    expect(textOf("docs/cli.md")).toContain(`\n\`\`\`text\n${stdout}\`\`\`\n`);
  },
);

test("the help of a command, as a whole", async () => {
  expect((await called(["walk", "--help"])).stdout).toMatchSnapshot();
});

const needs = "a module (.ts, .js) that exports a guest, an image (.json), an ELF file, or raw bytes";
test.each([
  [["rum"], "there is no command rum\n  hint: did you mean run?"],
  [["fly"], "there is no command fly\n  hint: guestwright --help lists the commands"],
  [["--verson"], "there is no option --verson\n  hint: guestwright --help lists the commands"],
  [["toString"], "there is no command toString\n  hint: guestwright --help lists the commands"],
  [["run", "--jsn", "x"], "guestwright run has no option --jsn\n  hint: did you mean --json?"],
  [["run", "-j", "x"], "guestwright run has no option -j\n  hint: guestwright run --help lists the options"],
  [
    ["run", "--toString", "x"],
    "guestwright run has no option --toString\n  hint: guestwright run --help lists the options",
  ],
  [["run"], `guestwright run needs FILE: ${needs}\n  hint: guestwright run --help shows how it is used`],
  [
    ["run", "a", "b"],
    'guestwright run does not know what to do with "b"\n  hint: guestwright run --help shows how it is used',
  ],
  [
    ["walk", "a"],
    "guestwright walk needs ADDRESS: a virtual address such as 0x4000, or a name, such as guest.msg or stacks.main+0x10\n  hint: guestwright walk --help shows how it is used",
  ],
  [["run", "a", "--timeout", "5"], '--timeout must be a span of time such as 50ms or 1s, or none; got "5"'],
  [["run", "a", "--timeout", "0s"], '--timeout must be a span of time such as 50ms or 1s, or none; got "0s"'],
  [["run", "a", "--console", "0x10000"], '--console must be a port, 0 to 0xffff; got "0x10000"'],
  [["run", "a", "--max-exits", "0"], '--max-exits must be a whole number above 0; got "0"'],
  [["run", "a", "--at", "0x"], '--at must be an address such as 0x1000, 4096 or 4KiB; got "0x"'],
  [
    ["run", "a", "--at", "0x10000000000000000"],
    '--at must be an address such as 0x1000, 4096 or 4KiB; got "0x10000000000000000"',
  ],
  [
    ["run", "a", "--mode", "real61"],
    '--mode must be one of real16, protected32, long64; got "real61"\n  hint: did you mean real16?',
  ],
  [["run", "a", "--export"], "--export needs a value: the name of an export"],
  [["run", "a", "--export="], '--export must be the name of an export; got ""'],
  [
    ["run", "a", "--export", "--deny"],
    "--export needs a value: the name of an export\n  hint: for the value --deny, write --export=--deny",
  ],
  [["walk", "a", "0", "--user=yes"], '--user takes no value, got "yes"'],
  [["run", "a", "--timeout", "1s", "--timeout", "2s"], "--timeout is given twice"],
  [
    ["inspect", "a", "memroy"],
    'SECTION must be one of memory, cpu, descriptors, mappings, tables, listing, symbols, data, warnings; got "memroy"\n  hint: did you mean memory?',
  ],
  [
    ["inspect", "a", "gdt"],
    'SECTION must be one of memory, cpu, descriptors, mappings, tables, listing, symbols, data, warnings; got "gdt"\n  hint: descriptors has it',
  ],
  [
    ["inspect", "a", "stacks"],
    'SECTION must be one of memory, cpu, descriptors, mappings, tables, listing, symbols, data, warnings; got "stacks"\n  hint: memory has it',
  ],
  [
    ["walk", "a", "0", "--access", "exec"],
    '--access must be one of read, write, fetch; got "exec"\n  hint: the CPU fetches what it executes: fetch',
  ],
  [["walk", "a", "0", "--access", "toString"], '--access must be one of read, write, fetch; got "toString"'],
])("%j is refused", async (words, message) => {
  expect(await called(words)).toEqual({ status: 2, stdout: "", stderr: `guestwright: ${message}\n` });
});

test("with --json, an error is JSON", async () => {
  const { status, stderr } = await called(["run", "--json", "--timeout=x", "a"]);
  expect(status).toBe(2);
  expect(JSON.parse(stderr)).toEqual({
    error: { code: "BAD_VALUE", message: '--timeout must be a span of time such as 50ms or 1s, or none; got "x"' },
  });
  expect(JSON.parse((await called(["run", "--jsn", "--json"])).stderr)).toMatchObject({
    error: { code: "UNKNOWN_OPTION", hint: "did you mean --json?" },
  });
});

test("what goes wrong in guestwright itself ends with 70 and a stack", async () => {
  const out = (): void => {
    throw new RangeError("a bug");
  };
  const { status, stderr } = await called(["--version"], { out });
  expect(status).toBe(70);
  expect(stderr).toMatch(
    /^guestwright: this should not have happened; please report it with what follows\nRangeError: a bug\n {4}at /,
  );
});
