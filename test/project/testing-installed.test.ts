/** What a newcomer does with `guestwright/testing`, from the packed package: write a guest, snapshot it, break one mapping. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeKvm } from "../kvm/require-kvm.ts";
import { installPackage, type InstalledProject } from "./installed-project.ts";

let project: InstalledProject;

beforeAll(async () => {
  project = await installPackage();
  project.write("package.json", JSON.stringify({ name: "user", type: "module" }));
  project.write(
    "vitest.config.ts",
    `import { defineConfig } from "vitest/config";
export default defineConfig({ test: { setupFiles: ["guestwright/testing/setup"] } });
`,
  );
  project.write(
    "tsconfig.json",
    JSON.stringify({
      compilerOptions: {
        ...{ target: "es2022", lib: ["es2023", "esnext.disposable"], module: "nodenext", strict: true, noEmit: true },
        ...{ skipLibCheck: true, types: ["node", "guestwright/testing"], allowImportingTsExtensions: true },
      },
      include: ["*.ts"],
    }),
  );
  project.write("guest.ts", guest("rw"));
}, 120_000);

afterAll(() => project?.remove());

/** A guest that prints, with a page of data. */
function guest(access: string): string {
  return `import { al, code64, layout } from "guestwright";
const guest = code64().mov(al, 0x41).out(0xe9, al).hlt();
export const image = await layout({
  mode: "long64",
  memory: { ram: { at: 0x0, size: "32KiB" } },
  paging: {
    tables: 0x0,
    map: {
      text: { virt: 0x0000, phys: 0x4000, size: "4KiB", access: "rx" },
      data: { virt: 0x1000, phys: 0x5000, size: "12KiB", access: "${access}" },
    },
  },
  place: { guest: { code: guest, in: "text" } },
}).build();
`;
}

const vitest = (...args: readonly string[]) => project.node("vitest/vitest.mjs", "run", ...args);

/** What a run prints, without what differs from run to run. */
const lines = (printed: string): readonly string[] => printed.split("\n").map((line) => line.trimEnd());

test("a snapshot is written, holds, and fails where a mapping is broken; expectations say what is", async () => {
  project.write(
    "image.test.ts",
    `import { imageFromJson, imageToJson } from "guestwright";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { image } from "./guest.ts";
if (!existsSync("reviewed.json")) writeFileSync("reviewed.json", imageToJson(image));
test("snapshot", () => expect(image).toMatchSnapshot());
test("mapping", () => expect(image).toMap(0x1000, 0x5000, "rw", { size: "12KiB" }));
test("same", () => expect(image).toBeSameImageAs(imageFromJson(readFileSync("reviewed.json", "utf8"))));
`,
  );
  const first = await vitest("image.test.ts");
  expect([first.status, first.stderr]).toEqual([0, ""]);
  const snapshot = path.join(project.folder, "__snapshots__/image.test.ts.snap");
  expect(existsSync(snapshot)).toBe(true);
  expect(readFileSync(snapshot, "utf8")).toContain(
    "  0x00001000 - 0x00003fff (12KiB) -> 0x00005000 rw- data (3 x 4KiB)\n",
  );
  const second = await vitest("image.test.ts");
  expect([second.status, second.stderr]).toEqual([0, ""]);

  project.write("guest.ts", guest("rwx"));
  const broken = await vitest("image.test.ts");
  expect(broken.status).toBe(1);
  const printed = lines(broken.stderr);
  expect(printed).toEqual(
    expect.arrayContaining([
      "-   0x00001000 - 0x00003fff (12KiB) -> 0x00005000 rw- data (3 x 4KiB)",
      "+   0x00001000 - 0x00003fff (12KiB) -> 0x00005000 rwx data (3 x 4KiB)",
      "Error: expected 0x1000..0x3fff to map to 0x5000..0x7fff with rw, but 0x1000 maps to 0x5000 with rwx (mapping data)",
      "Error: expected the same image, but it changed:",
      "  mapping data: access rw -> rwx",
    ]),
  );
  // Moving one mapping changes a few lines, not a page.
  const changed = printed.filter((line) => /^[-+] {2}/.test(line));
  expect(changed.length).toBeLessThan(12);
  project.write("guest.ts", guest("rw"));
}, 120_000);

test("the matchers have types where a file imports the setup", async () => {
  project.write(
    "setup/tsconfig.json",
    JSON.stringify({
      extends: "../tsconfig.json",
      compilerOptions: { types: ["node"] },
      include: ["*.ts"],
    }),
  );
  project.write(
    "setup/setup.test.ts",
    `import "guestwright/testing/setup";
import { expect, test } from "vitest";
import { image } from "../guest.ts";
test("types", () => expect(image).toMap(0x1000, 0x5000n, "rw"));
`,
  );
  expect(await project.node("typescript/bin/tsc", "-p", "setup", "--pretty", "false")).toEqual({
    status: 0,
    stdout: "",
    stderr: "",
  });
}, 60_000);

test("the matchers have types, and refuse what they do not take", async () => {
  project.write(
    "types.test.ts",
    `import { expect, test } from "vitest";
import { image } from "./guest.ts";
test("types", async () => {
  expect(image).toMap(0x1000, 0x5000n, "rw", { size: "12KiB", user: false });
  const ran: Promise<void> = expect(image).toHaltWithin("1s");
  await ran;
  await expect(image).not.toExitWith([{ kind: "io-out", port: 0xe9, data: "A" }, "hlt"]);
  // @ts-expect-error -- no access is called so
  expect(image).toMap(0x1000, 0x5000, "wr");
  // @ts-expect-error -- no exit is called so
  await expect(image).toExitWith(["halt"]);
});
`,
  );
  expect(await project.node("typescript/bin/tsc", "-p", ".", "--pretty", "false")).toEqual({
    status: 0,
    stdout: "",
    stderr: "",
  });
}, 60_000);

describeKvm("on KVM", () => {
  test("a transcript is a snapshot, and a failed run says what the guest did", async () => {
    project.write(
      "run.test.ts",
      `import { boot } from "guestwright";
import { transcribe } from "guestwright/kvm";
import { expect, test } from "vitest";
import { image } from "./guest.ts";
test("snapshot", async () => {
  using machine = await boot(image);
  expect(transcribe(machine)).toMatchInlineSnapshot();
});
test("halts", async () => await expect(image).toHaltWithin("5s"));
test("prints", async () => await expect(image).toExitWith([{ kind: "io-out", port: 0xe9, data: "B" }, "hlt"]));
`,
    );
    const { status, stderr } = await vitest("run.test.ts");
    expect(status).toBe(1);
    expect(lines(stderr)).toEqual(
      expect.arrayContaining([
        'Error: exit 0: expected io-out port 0xe9 data "B", got io-out port 0xe9: "A"',
        "the guest did:",
        '  io-out port 0xe9: "A"',
        "  hlt",
      ]),
    );
    expect(stderr).not.toContain("> halts");
    const test = readFileSync(path.join(project.folder, "run.test.ts"), "utf8");
    expect(test).toContain('toMatchInlineSnapshot(`\n    io-out port 0xe9: "A"\n    hlt\n\n    at ');
  }, 120_000);
});
