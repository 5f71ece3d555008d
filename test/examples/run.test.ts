/** The runner: lists, refuses, and shows what cannot run. Needs no KVM. */
import { imageToText } from "guestwright";
import { describe, expect, test } from "vitest";
import { image } from "../../examples/long-mode.ts";
import { filesUnder } from "../project/source-files.ts";
import { runExample } from "./run-example.ts";

const names = filesUnder("examples", ".ts")
  .map((file) => file.replace(/\.ts$/, ""))
  .filter((name) => name !== "run")
  .toSorted();

test("without a name, it lists all examples, each with what it is", async () => {
  const { status, stdout, stderr } = await runExample([]);
  expect([status, stderr]).toEqual([0, ""]);
  const [usage, empty, ...lines] = stdout.trimEnd().split("\n");
  expect([usage, empty]).toEqual(["npm run example -- NAME, where NAME is one of:", ""]);
  expect(lines.map((line) => /^ {2}(\S+) +(.*)$/.exec(line)?.slice(1))).toEqual(
    names.map((name) => [name, expect.stringMatching(/^[A-Z].*\.$/)]),
  );
});

test.each(["nope", "run", "../examples/long-mode", ""])("%o is no example", async (name) => {
  expect(await runExample([name])).toEqual({
    status: 2,
    stdout: "",
    stderr: `there is no example ${JSON.stringify(name)}; there are ${names.join(", ")}\n`,
  });
});

describe("where guests cannot run", () => {
  const onDarwin = `Object.defineProperty(process, "platform", { value: "darwin" });`;
  const why =
    `the example cannot run here: guests run on Linux on x86-64 only; this is darwin on ${process.arch}\n` +
    "  hint: images can be built here; run them on a Linux machine, or in a Linux virtual machine with nested virtualisation\n";

  test("its image is shown instead, with the reason, and the exit code is 1", async () => {
    expect(await runExample(["long-mode"], onDarwin)).toEqual({
      status: 1,
      stdout: `${imageToText(image, { source: true })}\n\n`,
      stderr: why,
    });
  });

  test("what is shown has the memory map, the page tables, and the listing with its lines", async () => {
    const { stdout } = await runExample(["long-mode"], onDarwin);
    expect(stdout).toContain("memory map (physical)\n  0x00000000 - 0x00007fff (32KiB) ram\n");
    expect(stdout).toContain("PT at 0x3000: P RW\n");
    expect(stdout).toMatch(/\n {2}00000022 {3}6c +insb +examples\/long-mode\.ts:\d+\n/);
  });

  test("an example without an image only says why", async () => {
    expect(await runExample(["check-caps"], onDarwin)).toEqual({ status: 1, stdout: "", stderr: why });
  });
});
