/** Every mode and every kind of paging that a description can ask for, entered: on QEMU's software CPU, and on KVM. */
import { boot, code16, code32, code64, layout, type AnyCode, type Image, type KvmError } from "guestwright";
import { pagingModeOf, type PagingMode } from "guestwright/paging";
import { describe, expect, test } from "vitest";
import { describeKvm, describePvm, kind } from "../kvm/require-kvm.ts";
import { noQemu } from "../paging/qemu.ts";
import { doneCode, donePort, loaderPage, runImageInQemu } from "./qemu-image.ts";

/** Where the guests leave what they find. */
const results = { at: 0x9000, size: 28 };

const textAt = 0x7000;

const starts = { 16: code16, 32: code32, 64: code64 };

/** Writes to a mapping, reads its own code at another address, and leaves what it finds of the CPU. */
function guest(bits: 16 | 32 | 64): AnyCode {
  // Control registers have 64 bits in 64-bit code, else 32.
  const a = bits === 64 ? "rax" : "eax";
  return starts[bits]().asm(`
    mov ebx, offset paging.map.results
    mov dword ptr [ebx], 0x12345678
    mov ecx, offset paging.map.again
    mov eax, [ecx]
    mov [ebx + 4], eax
    mov eax, offset paging.tables
    mov [ebx + 8], eax
    mov eax, cs
    mov [ebx + 12], eax
    mov ecx, 0xc0000080
    rdmsr
    mov [ebx + 16], eax
    mov ${a}, cr0
    mov [ebx + 20], eax
    mov ${a}, cr4
    mov [ebx + 24], eax
    mov al, ${doneCode}
    out ${donePort}, al
    hlt
  `);
}

interface Entry {
  readonly mode: "protected16" | "protected32" | "compat32" | "long64";
  readonly bits: 16 | 32 | 64;
  readonly paging: PagingMode;
}

const entries: readonly Entry[] = [
  { mode: "protected16", bits: 16, paging: "32-bit" },
  { mode: "protected16", bits: 16, paging: "pae" },
  { mode: "protected32", bits: 32, paging: "32-bit" },
  { mode: "protected32", bits: 32, paging: "pae" },
  { mode: "compat32", bits: 32, paging: "4-level" },
  { mode: "compat32", bits: 32, paging: "5-level" },
  { mode: "long64", bits: 64, paging: "4-level" },
  { mode: "long64", bits: 64, paging: "5-level" },
];

/** The guest's image. Its code lies below 64 KiB, where 16-bit code has offsets. */
function imageOf({ mode, bits, paging }: Entry): Promise<Image> {
  const access = paging === "32-bit" ? "rwx" : "rx";
  return layout({
    mode,
    memory: { ram: { at: 0x0, size: "1MiB" } },
    gdt: { at: textAt + 0x800, segments: { code: { type: "code", bits }, data: { type: "data" } } },
    paging: {
      mode: paging,
      map: {
        loader: loaderPage,
        text: { virt: 0xa000, phys: textAt, size: "4KiB", access },
        again: { virt: 0x80_0000, phys: textAt, size: "4KiB", access },
        results: { virt: 0xc0_0000, phys: results.at, size: "4KiB", access: "rwx" },
      },
    },
    stack: "results",
    place: { guest: { code: guest(bits), in: "text" } },
  }).build();
}

/** What the guest found. */
function found(left: Uint8Array): readonly number[] {
  const words = new DataView(left.buffer, left.byteOffset);
  const [marker, code, root, cs, efer, cr0, cr4] = [0, 1, 2, 3, 4, 5, 6].map((i) => words.getUint32(4 * i, true));
  // CR0.ET is 1 on every CPU of today, but not on every emulated one.
  return [marker!, code!, root!, cs!, efer!, (cr0! & ~0x10) >>> 0, cr4!];
}

/** What it must find: what it wrote, its own code, and the image's registers. */
function expected({ chunks, cpu }: Image): readonly number[] {
  const { bytes } = chunks.find(({ name }) => name === "code guest")!;
  const code = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  return [0x1234_5678, code, Number(cpu.cr3), 0x08, Number(cpu.efer), Number(cpu.cr0), Number(cpu.cr4)];
}

test.each(entries)("$mode: the entry state is that of $paging paging", async (entry) => {
  const { cpu, paging, mode } = await imageOf(entry);
  expect([pagingModeOf(cpu), paging!.mode, mode]).toEqual([entry.paging, entry.paging, entry.mode]);
});

describe.skipIf(noQemu !== undefined)("on QEMU", () => {
  test.each(entries)("$mode runs with $paging paging", async (entry) => {
    const image = await imageOf(entry);
    expect(found(await runImageInQemu(image, results))).toEqual(expected(image));
  });
});

/** How a KVM without virtualisation hardware refuses what it does not have; `undefined` where it has it. */
function refusedByPvm({ mode, paging }: Entry): readonly [code: string, message: RegExp] | undefined {
  if (paging === "5-level")
    return ["IOCTL_FAILED", /^KVM_SET_SREGS failed: EINVAL\n {2}hint: a control register .*CPUID/];
  if (!mode.startsWith("protected")) return undefined;
  return [
    "STATE_NOT_ACCEPTED",
    /CR0 wanted 0x80000001, got 0x1 \(PG cleared\)\n {2}hint: .* no paging outside long mode/,
  ];
}

describeKvm("on KVM", () => {
  // Few hosts have five levels.
  const runnable = entries.filter(
    (entry) => entry.paging !== "5-level" && (kind !== "pvm" || refusedByPvm(entry) === undefined),
  );
  test.each(runnable)("$mode runs with $paging paging", async (entry) => {
    const image = await imageOf(entry);
    using machine = await boot(image);
    expect([...machine.run({ timeout: "5s" })].map((exit) => exit.kind)).toEqual(["io-out", "hlt"]);
    expect(found(machine.readMemory(BigInt(results.at), results.size))).toEqual(expected(image));
  });
});

describePvm("on a KVM without virtualisation hardware", () => {
  const refused = entries.filter((entry) => refusedByPvm(entry) !== undefined);
  test.each(refused)("$mode with $paging paging is refused, with the reason", async (entry) => {
    const [code, message] = refusedByPvm(entry)!;
    const error = (await boot(await imageOf(entry)).catch((each: unknown) => each)) as KvmError;
    expect([error.name, error.code]).toEqual(["KvmError", code]);
    expect(error.message).toMatch(message);
  });
});
