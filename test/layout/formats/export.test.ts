/** What speaks against an export, and what an export refuses: every message once. */
import {
  checkExport,
  code64,
  imageFormats,
  imageToFile,
  layout,
  type ExportOptions,
  type Image,
  type ImageFormatName,
} from "guestwright";
import { describe, expect, test } from "vitest";
import { planStub } from "../../../src/layout/formats/stub/plan-stub.ts";
import { withMemory } from "../image/guests.ts";
import { longGuest, plainGuest, protectedGuest, realGuest } from "./guests.ts";

/** The findings as lines: kind, target and message. */
const lines = (...check: Parameters<typeof checkExport>): string[] =>
  checkExport(...check).map(({ kind, target, message }) => `${kind} ${target ?? "everywhere"}: ${message}`);

describe("what speaks against an export", () => {
  test("nothing, for PVH of an image that a stub can start", async () => {
    expect(checkExport(await longGuest(), "pvh")).toEqual([]);
    expect(checkExport(await longGuest(), "multiboot", "qemu")).toEqual([]);
    expect(checkExport(await plainGuest(), "pvh", undefined, { stub: "never" })).toEqual([]);
  });

  test.each<readonly [string, () => Promise<Image>, ImageFormatName, readonly string[]]>([
    [
      "raw, where firmware leaves its data",
      protectedGuest,
      "raw",
      [
        "differs qemu: code guest lies at 0x7000, and 0x6700..0x8ffff is what the firmware used while it started",
        "refused firecracker: it takes kernels only: PVH, ELF64 or bzImage",
        "refused cloud-hypervisor: it takes kernels only: PVH, ELF64 or bzImage",
      ],
    ],
    [
      "a boot sector",
      realGuest,
      "boot-sector",
      [
        "refused firecracker: it has no firmware that starts disks",
        "refused cloud-hypervisor: its firmware starts no boot sectors",
      ],
    ],
    [
      "ELF32",
      plainGuest,
      "elf32",
      [
        "refused qemu: QEMU takes no ELF kernel without a PVH note or a Multiboot header: use pvh or multiboot",
        "refused firecracker: it takes ELF64 only: use pvh",
        "refused cloud-hypervisor: it takes ELF64 with a PVH note only: use pvh",
      ],
    ],
    [
      "ELF64 of 32-bit code",
      plainGuest,
      "elf64",
      [
        "refused qemu: QEMU takes no ELF kernel without a PVH note or a Multiboot header: use pvh or multiboot",
        "refused firecracker: it starts in protected32, and Firecracker in 64-bit mode",
        "differs firecracker: Firecracker loads page tables, segments and a stack of its own: use pvh",
        "refused cloud-hypervisor: it takes ELF64 with a PVH note only: use pvh",
      ],
    ],
    [
      "Multiboot",
      plainGuest,
      "multiboot",
      [
        "refused firecracker: it does not know Multiboot: use pvh",
        "refused cloud-hypervisor: it does not know Multiboot: use pvh",
      ],
    ],
  ])("%s", async (_, guest, format, expected) => {
    expect(lines(await guest(), format)).toEqual(expected);
  });

  test("ELF64 that starts below 1 MiB, where Firecracker keeps its own", async () => {
    const image = await layout({
      mode: "long64",
      memory: { ram: { at: 0, size: "64KiB" } },
      paging: { tables: 0x8000, map: { text: { virt: 0x6000, phys: 0x6000, size: "4KiB", access: "rx" } } },
      place: { guest: { code: code64().hlt(), in: "text" } },
    }).build();
    expect(lines(image, "elf64", "firecracker")).toEqual([
      "differs firecracker: code guest lies at 0x6000, and 0x6000..0xbfff is the monitor's boot parameters, stack and page tables",
      "refused firecracker: it starts at 0x6000, below 1 MiB",
      "differs firecracker: Firecracker loads page tables, segments and a stack of its own: use pvh",
    ]);
  });

  test("regions that no target makes", async () => {
    const image = await plainGuest();
    const [ram] = image.memory;
    const memory: Image["memory"] = [
      ram!,
      { kind: "rom", name: "rom", at: 0x20_0000n, size: 0x1000n },
      { kind: "alias", name: "again", of: "ram", offset: 0n, at: 0x30_0000n, size: 0x1000n },
      { kind: "mmio", name: "device", at: 0x40_0000n, size: 0x1000n },
      { kind: "reserved", name: "nothing", at: 0x50_0000n, size: 0x1000n },
    ];
    expect(lines(withMemory(image, memory), "pvh")).toEqual([
      "differs everywhere: rom is rom: a target has RAM there: the guest's writes succeed",
      "differs everywhere: again is alias: a target shows no memory twice",
      "differs everywhere: device is mmio: a target has devices of its own",
    ]);
  });

  test("chunks where a target has devices or firmware", async () => {
    const image = await plainGuest();
    const at = (address: bigint): Image => ({
      ...image,
      chunks: [...image.chunks, { name: "far", at: address, bytes: Uint8Array.of(1) }].toSorted((a, b) =>
        Number(a.at - b.at),
      ),
    });
    expect(lines(at(0xd000_0000n), "pvh")).toEqual([
      "refused qemu: far lies at 0xd0000000, and 0xc0000000..0xffffffff is devices and the firmware, by default",
      "refused firecracker: far lies at 0xd0000000, and 0xd0000000..0xffffffff is devices",
      "refused cloud-hypervisor: far lies at 0xd0000000, and 0xc0000000..0xffffffff is devices",
    ]);
    expect(lines(at(0xb_8000n), "pvh")).toEqual([
      "refused qemu: far lies at 0xb8000, and 0xa0000..0xfffff is the graphics adapter's and the firmware's memory",
      "refused cloud-hypervisor: far lies at 0xb8000, and 0xa0000..0xfffff is tables that the monitor writes",
    ]);
  });

  test("without a stub, what the loader gives otherwise", async () => {
    expect(lines(await protectedGuest(), "pvh", "qemu", { stub: "never" })).toEqual([
      "differs everywhere: gdtr is to be loaded",
      "differs everywhere: rbx is 0x1234",
      "differs everywhere: rsp is 0x3000",
      "differs everywhere: gdt lies at 0x1000, below 1 MiB, where loaders keep their own",
    ]);
  });

  test.each([
    [
      "format",
      "coff",
      undefined,
      'there is no file format "coff"\n  hint: there is raw, boot-sector, elf32, elf64, pvh, multiboot, intel-hex',
    ],
    ["target", "pvh", "bochs", 'there is no target "bochs"\n  hint: there is qemu, firecracker, cloud-hypervisor'],
  ])("an unknown %s", async (_, format, target, message) => {
    const image = await plainGuest();
    expect(() => checkExport(image, format as ImageFormatName, target as "qemu")).toThrow(
      expect.objectContaining({ code: "UNKNOWN_NAME", message }),
    );
  });
});

describe("what an export refuses", () => {
  const long = longGuest;
  test.each<readonly [string, () => Promise<Image>, ImageFormatName, ExportOptions, string, string]>([
    [
      "real mode",
      realGuest,
      "pvh",
      {},
      "NOT_EXPORTABLE",
      "pvh: the image cannot be started by an entry stub: it starts in real mode, and the loader in protected mode\n  hint: export it as boot-sector or raw",
    ],
    [
      "64-bit code without a stub",
      long,
      "pvh",
      { stub: "never" },
      "NOT_EXPORTABLE",
      'pvh: the image cannot start as the loader starts it: cr0 is 0x80000001, and the loader gives 0x1\n  hint: leave stub out, or say "auto"',
    ],
    [
      "64-bit code at a high address in ELF32",
      long,
      "elf32",
      {},
      "NOT_EXPORTABLE",
      "elf32: it starts at 0xffffffff80000000, and addresses in the file have 32 bits\n  hint: use a format with 64-bit addresses: elf64 or pvh",
    ],
    [
      "user mode",
      async () => {
        const image = await long();
        const { segments } = image.cpu;
        return { ...image, cpu: { ...image.cpu, segments: { ...segments, cs: { ...segments.cs, dpl: 3 } } } };
      },
      "pvh",
      {},
      "NOT_EXPORTABLE",
      "pvh: the image cannot be started by an entry stub: it starts at privilege level 3, and the loader at 0",
    ],
    [
      "two segments under one selector",
      async () => {
        const image = await long();
        const { segments } = image.cpu;
        return { ...image, cpu: { ...image.cpu, segments: { ...segments, fs: { ...segments.fs, base: 0x1000n } } } };
      },
      "pvh",
      {},
      "NOT_EXPORTABLE",
      "pvh: the image cannot be started by an entry stub: fs has selector 0x10, and so has another segment register with another segment",
    ],
    [
      "a segment of the LDT",
      async () => {
        const image = await long();
        const { segments } = image.cpu;
        return { ...image, cpu: { ...image.cpu, segments: { ...segments, gs: { ...segments.gs, selector: 0x14 } } } };
      },
      "pvh",
      {},
      "NOT_EXPORTABLE",
      "pvh: the image cannot be started by an entry stub: gs has a selector of the LDT",
    ],
    [
      "no executable memory that is free",
      async () => {
        const image = await long();
        const full = { name: "full", at: 0x4000n, bytes: new Uint8Array(0x1000).fill(0x90) };
        return { ...image, chunks: image.chunks.map((chunk) => (chunk.at === 0x4000n ? full : chunk)) };
      },
      "pvh",
      {},
      "NOT_EXPORTABLE",
      "pvh: the entry stub needs 48 bytes of memory that the guest's page tables map executable and that nothing lies in\n  hint: make an executable mapping larger, or leave some room in it",
    ],
    [
      "no room for the stub",
      async () => withMemory(await long(), [{ kind: "rom", name: "rom", at: 0n, size: 1n << 32n }]),
      "pvh",
      {},
      "NOT_EXPORTABLE",
      "pvh: the entry stub takes 104KiB, and there is no room for it from 1 MiB on\n  hint: say with stubAt where it may lie",
    ],
    ...(
      [
        [0x1000, "at 0x1000, below 1 MiB, where loaders keep their own"],
        [0x10_0001, "at 0x100001, not at a multiple of 4096"],
        [0xffff_f000, "at 0xfffff000, beyond the 32 bits of its addresses"],
        [0x100_0000, "at 0x1000000, where the image has something"],
      ] as const
    ).map(
      ([stubAt, what]) =>
        [
          what,
          () => longGuest(0x100_0000n),
          "pvh",
          { stubAt },
          "NOT_EXPORTABLE",
          `pvh: stubAt: the entry stub would lie ${what}\n  hint: it takes 76KiB`,
        ] as const,
    ),
    [
      "an unknown stub",
      long,
      "pvh",
      { stub: "always" as "auto" },
      "NOT_EXPORTABLE",
      'pvh: stub: expected "auto" or "never", got "always"',
    ],
    [
      "no address",
      long,
      "pvh",
      { stubAt: -1 },
      "NOT_EXPORTABLE",
      "pvh: stubAt: expected an address such as 0x200000, got -1",
    ],
  ])("%s", async (_, guest, format, options, code, message) => {
    await expect(imageToFile(await guest(), format, options)).rejects.toMatchObject({ code, message });
    expect(checkExport(await guest(), format, undefined, options).some(({ kind }) => kind === "impossible")).toBe(true);
  });
});

describe("a file", () => {
  test("says what it is, where it starts and what it needs", async () => {
    const { bytes: _, ...file } = await imageToFile(await longGuest(), "pvh");
    expect(file).toEqual({
      format: "pvh",
      extension: "elf",
      entry: expect.any(BigInt),
      stub: { at: 0x10_0000n, size: expect.any(BigInt) },
      memorySize: file.stub!.at + file.stub!.size,
    });
    expect(file.entry! - file.stub!.at).toBeLessThan(file.stub!.size);
  });

  test("is the same for the same image", async () => {
    for (const format of Object.keys(imageFormats) as ImageFormatName[]) {
      const guest = format === "boot-sector" ? realGuest : plainGuest;
      expect(await imageToFile(await guest(), format)).toEqual(await imageToFile(await guest(), format));
    }
  });

  // Zeros at the end of a program take no bytes of the image, but they are the program's.
  test("has nothing of its stub in a program's zeros", async () => {
    const image = await layout({
      mode: "long64",
      memory: { ram: { at: 0, size: "64KiB" } },
      paging: { tables: 0x8000, map: { text: { virt: 0x4000, phys: 0x4000, size: "16KiB", access: "rwx" } } },
      place: { guest: { code: code64().hlt().zero(0x2800), in: "text" } },
    }).build();
    expect(image.chunks.find(({ name }) => name === "code guest")?.bytes.length).toBe(1);
    expect(planStub(image).last?.phys).toBe(0x6801n);
  });

  test("has its stub in free RAM of the image where the image has all the usual memory", async () => {
    const image = await longGuest();
    const large = withMemory(image, [{ kind: "ram", name: "ram", at: 0n, size: 0x800_0000n }]);
    const { stub, memorySize } = await imageToFile(large, "pvh");
    expect(stub?.at).toBe(0x10_0000n);
    expect(memorySize).toBe(0x800_0000n);
  });
});
