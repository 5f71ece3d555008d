/**
 * Runs images on QEMU's software CPU: a loader brings the CPU from real mode into the image's entry state, instruction by
 * instruction.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  assemble,
  ax,
  byte,
  code16,
  code32,
  cr0,
  cr3,
  cr4,
  ds,
  eax,
  ecx,
  edx,
  es,
  esp,
  far,
  fs,
  gs,
  mem,
  ss,
  type Image,
} from "guestwright";
import { encodeDescriptorTable, pseudoDescriptor } from "guestwright/layout";
import { CR0_PE, EFER_LMA } from "guestwright/paging";
import { doneCode, entryPoint, GuestReset, runInQemu } from "../paging/qemu.ts";

/** Where the loader lies: an image keeps this page free and, where it has paging, maps it at the same address. */
export const loaderPage = { virt: entryPoint, phys: entryPoint, size: "4KiB", access: "rwx" } as const;

/** A guest is done when it writes `doneCode` to this port. */
export const donePort = 0xf4;
export { doneCode };

const IA32_EFER = 0xc000_0080;

/** Flat segments of ring 0, for the way: null, code, data. */
const ownGdt = encodeDescriptorTable([{ type: "null" }, { type: "code", bits: 32 }, { type: "data" }]);
const ownSelectors = { code: 0x08, data: 0x10 };
const ownGdtOffset = 0xf00;

/** The loader of an image whose addresses of the entry state have 32 bits. */
async function loader({ cpu, gdt }: Image): Promise<Uint8Array> {
  const { segments, regs } = cpu;
  const efer = cpu.efer & ~EFER_LMA;
  const load = [
    { register: ds, state: segments.ds },
    { register: es, state: segments.es },
    { register: fs, state: segments.fs },
    { register: gs, state: segments.gs },
    { register: ss, state: segments.ss },
  ].filter(({ state }) => state.unusable === 0);
  // A TSS is loaded while it is not busy (SDM vol. 2A, LTR); the byte with its type is in its descriptor.
  const isTask = segments.tr.selector !== 0;
  const busyByte = isTask ? gdt!.at! + BigInt(segments.tr.selector + 5) : 0n;
  const code = code16()
    .cli()
    .xor(ax, ax)
    .mov(ds, ax)
    .lgdt(mem("own_gdtr"))
    .mov(eax, CR0_PE)
    .mov(cr0, eax)
    .ljmp(far(ownSelectors.code, "protected"))
    .code32()
    .label("protected")
    .mov(eax, ownSelectors.data)
    .mov(ds, eax)
    .mov(ss, eax)
    .use(isTask ? code32().and(byte(busyByte), 0xfd) : code32())
    .mov(eax, cpu.cr3)
    .mov(cr3, eax)
    .mov(eax, cpu.cr4)
    .mov(cr4, eax)
    .use(efer === 0n ? code32() : code32().mov(ecx, IA32_EFER).mov(eax, efer).xor(edx, edx).wrmsr())
    .mov(eax, cpu.cr0)
    .mov(cr0, eax)
    .lgdt(mem("gdtr"))
    .lidt(mem("idtr"))
    .repeat(load.length, (i) => code32().mov(eax, load[i]!.state.selector).mov(load[i]!.register, eax))
    .mov(eax, segments.ldt.selector)
    .lldt(ax)
    .use(isTask ? code32().mov(eax, segments.tr.selector).ltr(ax) : code32())
    .mov(esp, regs.rsp)
    .ljmp(far(segments.cs.selector, Number(regs.rip)))
    .label("own_gdtr")
    .bytes(pseudoDescriptor({ base: BigInt(entryPoint + ownGdtOffset), limit: ownGdt.length - 1 }, 32))
    .label("gdtr")
    .bytes(pseudoDescriptor(cpu.gdt, 32))
    .label("idtr")
    .bytes(pseudoDescriptor(cpu.idt, 32))
    .pad(ownGdtOffset)
    .bytes(ownGdt);
  return (await assemble(code, { origin: BigInt(entryPoint) })).bytes;
}

/**
 * Runs an image until it says that it is done.
 *
 * @param results the range of physical memory to return
 * @param options more of QEMU's
 */
export async function runImageInQemu(
  image: Image,
  results: { readonly at: number; readonly size: number },
  options: readonly string[] = [],
): Promise<Uint8Array> {
  return runInQemu([...image.chunks, { at: BigInt(entryPoint), bytes: await loader(image) }], results, options);
}

/**
 * Runs an image until its CPU is reset by a triple fault.
 *
 * @returns the exceptions that QEMU's CPU met, in their order, by their vectors
 */
export async function exceptionsInQemu(image: Image): Promise<readonly number[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "guestwright-exceptions-"));
  const log = path.join(folder, "log");
  try {
    await runImageInQemu(image, { at: 0, size: 4 }, ["-d", "int", "-D", log]);
  } catch (error) {
    if (!(error instanceof GuestReset)) throw error;
    const lines = readFileSync(log, "latin1").matchAll(/^check_exception old: 0x[0-9a-f]+ new 0x([0-9a-f]+)$/gm);
    return Array.from(lines, ([, vector]) => Number.parseInt(vector!, 16));
  } finally {
    rmSync(folder, { recursive: true });
  }
  throw new Error("the guest did not shut down");
}
