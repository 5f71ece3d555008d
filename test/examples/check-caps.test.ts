/** What the example prints, compared with what a C program gets from the same kernel. */
import { expect, test } from "vitest";
import { noCompiler, runC } from "../kvm/c-program.ts";
import { describeKvm, kind } from "../kvm/require-kvm.ts";
import { runExample } from "./run-example.ts";

/** The lines `NAME = value` that a program prints. */
function valuesOf(stdout: string): [name: string, value: string][] {
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [, name, value] = /^([A-Z]\w*) = (\S+)$/.exec(line) ?? [];
      expect([line, name]).toEqual([line, expect.any(String)]);
      return [name!, value!];
    });
}

describeKvm("the example check-caps", () => {
  test("says which KVM this is, and the capabilities that decide what a guest may have", async () => {
    const { status, stdout, stderr } = await runExample(["check-caps"]);
    expect([status, stderr]).toEqual([0, ""]);
    const values = valuesOf(stdout);
    expect(values.slice(0, 2)).toEqual([
      ["KVM", kind],
      ["KVM_API_VERSION", "12"],
    ]);
    const names = values.map(([name]) => name);
    expect(names).toEqual(
      expect.arrayContaining(["KVM_CAP_CHECK_EXTENSION_VM", "KVM_CAP_NR_VCPUS", "KVM_CAP_MAX_VCPUS"]),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  test.skipIf(noCompiler !== undefined)("prints for every name what KVM_CHECK_EXTENSION says to C", async () => {
    const { stdout } = await runExample(["check-caps"]);
    const capabilities = valuesOf(stdout).filter(([name]) => name.startsWith("KVM_CAP_"));
    const answers = runC(`
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <linux/kvm.h>
#define SHOW(name) printf(#name " = %d\\n", ioctl(kvm, KVM_CHECK_EXTENSION, name));
int main(void) {
  int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (kvm < 0) return 1;
  ${capabilities.map(([name]) => `#ifdef ${name}\n  SHOW(${name})\n#else\n  puts("${name} = unknown-to-this-header");\n#endif`).join("\n  ")}
  return 0;
}
`).toString();
    // A header older than our table does not know its last names.
    const known = valuesOf(answers).filter(([, value]) => value !== "unknown-to-this-header");
    const named = new Set(known.map(([name]) => name));
    expect(capabilities.filter(([name]) => named.has(name))).toEqual(known);
    expect(known.length).toBeGreaterThan(100);
  });
});
