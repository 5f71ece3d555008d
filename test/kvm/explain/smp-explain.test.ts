/** Why one of several vCPUs shut down. */
import { ax, code16, cr0, ds, eax, ecx, edx, layout, mem, type Image } from "guestwright";
import { bootSmp, transcribeSmp, type SmpMachine, type VcpuExit } from "guestwright/kvm";
import { expect, test } from "vitest";
import { describeKvm, kind } from "../require-kvm.ts";

/**
 * The first vCPU starts the second, at page 2, and spins; the second loads an IDT of no entries, and divides by zero in protected
 * mode: a KVM without virtualisation hardware does not end in a shutdown in real mode.
 */
function fallingSecond(): Promise<Image> {
  const first = code16()
    .mov(ecx, 0x1b) // IA32_APIC_BASE: the x2APIC on
    .rdmsr()
    .or(eax, 0xc00)
    .wrmsr()
    .mov(ecx, 0x830) // its interrupt command: INIT, then SIPI
    .mov(edx, 1)
    .mov(eax, 0x4500)
    .wrmsr()
    .mov(eax, 0x4602)
    .wrmsr()
    .label("spin")
    .jmp("spin");
  const second = code16()
    .xor(ax, ax)
    .mov(ds, ax)
    .lidt(mem(0x3000))
    .mov(eax, 1) // CR0.PE
    .mov(cr0, eax)
    .xor(ecx, ecx)
    .label("wrong")
    .div(ecx);
  return layout({
    mode: "real16",
    memory: { ram: { at: 0x0, size: "64KiB" } },
    place: { first: { code: first, in: "ram", offset: 0x1000 }, second: { code: second, in: "ram", offset: 0x2000 } },
    entry: "first",
  }).build();
}

async function lastExit(machine: SmpMachine): Promise<VcpuExit> {
  let last: VcpuExit | undefined;
  for await (const exit of machine.stream({ timeout: "10s" })) last = exit;
  return last!;
}

/** SVM leaves nothing of the state, and says so. */
const expected =
  kind === "svm"
    ? ["the registers are those of a CPU after a reset: KVM has dropped the state that the guest shut down in"]
    : [
        "div ecx at second:wrong raised #DE: it divides by zero",
        "no exception can be delivered: the guest has no IDT (IDTR's limit is 0x0)",
      ];
const withoutSource = (text: string): string => text.replaceAll(/ \(test\/[^)]*\)/g, "");

describeKvm("the shutdown of one of two vCPUs", () => {
  test("is explained from the state of the one that the exit names", async () => {
    using machine = await bootSmp(await fallingSecond(), { vcpus: 2 });
    const exit = await lastExit(machine);
    expect(exit).toEqual({ vcpu: 1, exit: { kind: "shutdown" } });
    const findings = await machine.explain(exit);
    expect(findings.map(({ text }) => withoutSource(text))).toEqual(expected);
  });

  test("is explained after its transcript, too", async () => {
    using machine = await bootSmp(await fallingSecond(), { vcpus: 2 });
    const [, second] = await transcribeSmp(machine, { timeout: "10s" });
    const findings = await machine.explain({ vcpu: 1, exit: second!.exits.at(-1)! });
    expect(findings.map(({ text }) => withoutSource(text))).toEqual(expected);
  });

  test("is not claimed of exits of no vCPU, and not asked of vCPUs that are not there, nor of a closed machine", async () => {
    using machine = await bootSmp(await fallingSecond(), { vcpus: 2 });
    expect(await machine.explain({ vcpu: undefined, exit: { kind: "hlt" } })).toEqual([]);
    expect(await machine.explain({ vcpu: 0, exit: { kind: "hlt" } })).toEqual([]);
    const shutdown = { kind: "shutdown" } as const;
    await expect(machine.explain({ vcpu: 2, exit: shutdown })).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
      message: expect.stringContaining("there is no vCPU 2") as string,
    });
    const pending = machine.explain({ vcpu: 0, exit: shutdown });
    machine.close();
    await expect(pending).rejects.toMatchObject({ code: "CLOSED" });
    await expect(machine.explain({ vcpu: 0, exit: shutdown })).rejects.toMatchObject({ code: "CLOSED" });
  });
});
