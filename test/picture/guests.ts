/** Images for the tests of pages. */
import { byte, code64, layout, mem, rax, rip, rsi, type Image } from "guestwright";
import type { Finding } from "../../src/kvm/explain/finding.ts";
import type { Transcript } from "../../src/kvm/transcript/transcript.ts";

/** What would break a page that does not escape it. */
export const hostile = `</script><img src=x onerror="throw 1">&amp;'`;

/** In long mode: code with labels that name each other, mappings far apart, a stack, gates, a device, a warning. */
export async function longImage(): Promise<Image> {
  const guest = code64()
    .label("start")
    .lea(rsi, rip("message"))
    .label("loop")
    .mov(byte(0x1000_0000), 1)
    .jmp("loop")
    .label("on_fault")
    .mov(rax, mem("paging.map.kernel.phys"))
    .hlt()
    .label("message")
    .asciz('loop <end> & "quotes"');
  return await layout({
    mode: "long64",
    memory: { ram: { at: 0x0, size: "2MiB" }, uart: { kind: "mmio", at: 0x1000_0000, size: "4KiB" } },
    paging: {
      map: {
        text: { virt: 0x40_0000, phys: 0x0, size: "4KiB", access: "rx" },
        tables: { virt: 0x50_0000, phys: 0x1000, size: "4KiB", access: "rw" },
        uart: { virt: 0x1000_0000, phys: 0x1000_0000, size: "4KiB", access: "rw", backing: "none" },
        kernel: { virt: 0xffff_8000_0000_0000n, phys: 0x10_0000, size: "1MiB", access: "rwx", user: true },
      },
    },
    gdt: { in: "tables", segments: { code: { type: "code", bits: 64 }, data: { type: "data" } } },
    idt: { in: "tables", vectors: { "#PF": "place.guest.on_fault" } },
    stacks: { main: { virt: 0x7f_e000, size: "8KiB" } },
    place: { guest: { code: guest, in: "text" } },
  }).build();
}

/** The same image with names that nobody should choose. */
export async function hostileImage(): Promise<Image> {
  const image = await longImage();
  const rename = <T extends { readonly name: string }>(each: T): T => ({ ...each, name: `${each.name} ${hostile}` });
  return {
    ...image,
    memory: image.memory.map(rename),
    chunks: image.chunks.map(rename),
    stacks: image.stacks.map(rename),
    gdt: image.gdt && { ...image.gdt, entries: image.gdt.entries.map(rename) },
    paging: image.paging && { ...image.paging, mappings: image.paging.mappings.map(rename) },
    programs: image.programs.map((program) => ({
      ...rename(program),
      listing: program.listing.map((line) => ({ ...line, text: `${line.text} ${hostile}` })),
    })),
    symbols: { ...image.symbols, [hostile]: 1n },
    warnings: [{ code: "WIDE_ADDRESS", message: hostile }],
  };
}

/** A run of it. */
export function transcriptOf(image: Image): Transcript {
  return {
    exits: [
      { kind: "io-out", port: 0xe9, size: 1, data: new TextEncoder().encode(`${hostile}\n`), where: "guest:loop+0x8" },
      {
        kind: "mmio-write",
        address: 0x1000_0000n,
        size: 1,
        data: Uint8Array.of(1),
        symbol: "uart",
        where: "guest:loop",
      },
      { kind: "hlt", where: "guest:on_fault+0x8" },
    ],
    end: { registers: { ...image.cpu.regs, rip: 0x40_0018n, rflags: 0x46n }, where: "guest:on_fault+0x8" },
  };
}

/** Why another run of it ended: it wrote into the middle of its own code, and the frame of the fault had no place. */
export const findings: readonly Finding[] = [
  {
    kind: "exception",
    text: `mov [rax], al at guest:loop+0x8 (${hostile}:4) raised #PF(0x3): it writes 1 byte at 0x400011, which is read-only, 0x4000112`,
    hint: `map it with write access, or clear CR0.WP ${hostile}`,
    where: {
      ...{ rip: 0x40_000fn, linear: 0x40_000fn, physical: 0xfn },
      ...{ program: "guest", section: undefined, label: "loop", offset: 8n, text: "jmp loop" },
      source: { file: hostile, line: 4, column: 5 },
    },
    ...{ vector: 14, exception: "#PF", errorCode: 3, cause: "memory", instruction: undefined },
    ...{ address: 0x40_0011n, access: "write", fault: undefined },
  },
  {
    kind: "undeliverable",
    text: "#PF (vector 14) cannot be delivered: its frame goes to the stack at rsp 0x9000, and 0x8ff8 is not mapped",
    hint: undefined,
    ...{ vector: 14, exception: "#PF", reason: "stack-not-writable", raises: "#PF", address: 0x8ff8n },
  },
];
