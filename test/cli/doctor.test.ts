import { expect, test } from "vitest";
import { describeKvm, kind } from "../kvm/require-kvm.ts";
import { called } from "./cli.ts";

test("without KVM it says what is missing and what to do, and ends with 4", async () => {
  const { status, stdout, stderr } = await called(["doctor", "--device", "/dev/nothing"]);
  expect({ status, stderr }).toEqual({ status: 4, stderr: "" });
  expect(stdout).toContain("  device       /dev/nothing, which does not exist\n");
  expect(stdout).toMatch(/\ncannot open \/dev\/nothing: there is no such file \(ENOENT\)\n {2}hint: load KVM with /);
  expect(stdout).not.toContain("capabilities");
});

test("a device that is not KVM's", async () => {
  const { status, stdout } = await called(["doctor", "--device", "/dev/null", "--json"]);
  expect(status).toBe(4);
  expect(JSON.parse(stdout)).toMatchObject({
    host: { node: process.versions.node, device: "/dev/null, which may be opened" },
    problem: { code: "NOT_KVM", message: expect.stringContaining("is not KVM's device") as unknown },
  });
});

describeKvm("with KVM", () => {
  test("it says which, what it can do, and that guests can run", async () => {
    const { status, stdout, stderr } = await called(["doctor"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^host\n/);
    expect(stdout).toMatch(/\ncapabilities\n {2}\d+ +regions of memory +KVM_CAP_NR_MEMSLOTS\n/);
    expect(stdout).toMatch(/\ndebugging\n {2}(yes|no) +single steps in ring 0\n/);
    expect(stdout.endsWith("\nguests can run here\n")).toBe(true);
  });

  test("as JSON", async () => {
    const report = JSON.parse((await called(["doctor", "--json"])).stdout) as { kvm: { capabilities: object[] } };
    expect(report).toMatchObject({ kvm: { kind, apiVersion: 12 } });
    expect(report.kvm.capabilities).toContainEqual(expect.objectContaining({ name: "KVM_CAP_READONLY_MEM" }));
  });
});
