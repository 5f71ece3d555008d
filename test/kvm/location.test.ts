/** Where a guest is: RIP, through CS and the page tables, to a statement of the image's programs. */
import { describe, expect, test } from "vitest";
import { boot, locationToText, type GuestLocation, type LoadableImage } from "../../src/kvm/index.ts";
import type { ImageProgram } from "../../src/layout/image.ts";
import { longMode, realMode } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";

const source = (line: number) => ({ file: "guest.ts", line, column: 1 });

/** `nop; wait: in al, 0x10; hlt`, as a listing has it. */
const program = (at: { phys: bigint; origin: bigint }): ImageProgram => {
  const line = (offset: bigint, bytes: readonly number[], text: string, number: number) =>
    ({
      kind: "instruction",
      address: at.origin + offset,
      bytes: Uint8Array.from(bytes),
      text,
      writer: undefined,
      source: source(number),
    }) as const;
  return {
    name: "guest",
    mode: 64,
    ...at,
    size: 4,
    sections: [],
    labels: { wait: at.origin + 1n, same: at.origin + 1n },
    listing: [
      line(0n, [0x90], "nop", 10),
      { ...line(1n, [], "wait", 11), kind: "label" },
      line(1n, [0xe4, 0x10], "in al, 0x10", 12),
      line(3n, [0xf4], "hlt", 13),
    ],
  };
};

const code = [0x90, 0xe4, 0x10, 0xf4];

/** What the machine says at its first exit. */
async function whereAtInput(image: LoadableImage): Promise<GuestLocation> {
  using machine = await boot(image);
  for (const exit of machine.run({ timeout: "5s" })) {
    expect(exit.kind).toBe("io-in");
    return machine.where();
  }
  throw new Error("no exit");
}

describeKvm("where", () => {
  test("in long mode, through the page tables: virtual 0 is physical 0x4000", async () => {
    const image = { ...longMode(...code), programs: [program({ phys: 0x4000n, origin: 0n })] };
    const where = await whereAtInput(image);
    expect(where).toEqual({
      rip: 1n,
      linear: 1n,
      physical: 0x4001n,
      program: "guest",
      section: undefined,
      label: "wait",
      offset: 0n,
      text: "in al, 0x10",
      source: source(12),
    });
    expect(locationToText(where)).toBe("guest:wait (guest.ts:12)");
  });

  test("in real mode, where CS has a base", async () => {
    const image = realMode(0xf4);
    const cs = { ...image.cpu.segments.cs, base: 0x100n, selector: 0x10 };
    const where = await whereAtInput({
      ...image,
      chunks: [{ name: "code", at: 0x120n, bytes: Uint8Array.from(code) }],
      cpu: {
        ...image.cpu,
        segments: { ...image.cpu.segments, cs },
        regs: { ...image.cpu.regs, rip: 0x20n },
      },
      programs: [program({ phys: 0x120n, origin: 0x20n })],
    });
    expect(where).toMatchObject({ rip: 0x21n, linear: 0x121n, physical: 0x121n, label: "wait", text: "in al, 0x10" });
  });

  test("before the first label, after the last, in no program, and where nothing is mapped", async () => {
    const image = { ...longMode(...code), programs: [program({ phys: 0x4000n, origin: 0n })] };
    using machine = await boot(image);
    const at = (rip: bigint): string => {
      machine.vcpu.setRegs({ ...machine.registers(), rip });
      return locationToText(machine.where());
    };
    expect(at(0n)).toBe("guest (guest.ts:10)");
    expect(at(3n)).toBe("guest:wait+0x2 (guest.ts:13)");
    expect(at(2n)).toBe("guest:wait+0x1 (guest.ts:12)");
    expect(at(4n)).toBe("0x4 (in no program)");
    expect(at(0x5000n)).toBe("0x5000 (not mapped)");
    using bare = await boot(realMode(0xf4));
    expect(locationToText(bare.where())).toBe("0x0 (in no program)");
    bare.close();
    expect(() => bare.where()).toThrow(expect.objectContaining({ code: "CLOSED" }));
  });
});

describe("a place as text", () => {
  test("without a source", () => {
    const place = {
      rip: 0n,
      linear: 0n,
      physical: 0n,
      program: "boot",
      section: undefined,
      label: "l",
      offset: 1n,
      text: "nop",
    };
    expect(locationToText({ ...place, source: undefined })).toBe("boot:l+0x1");
  });
});
