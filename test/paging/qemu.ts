/** Boots bare-metal guests on QEMU's software CPU, which has the paging modes and features that a host's KVM may lack. */
import { execFile, execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { assemble, code16, far } from "guestwright/asm";
import type { MemoryChunk } from "../../src/paging/index.ts";

const qemu = "qemu-system-x86_64";

/** Where guests begin: in real mode, with CS and DS 0. */
export const entryPoint = 0x8000;

/** The size of the guest's memory, in bytes. */
export const ramBytes = 64 << 20;

/** What a guest writes to port 0xf4 when it is done: QEMU then ends with twice that, plus 1. */
export const doneCode = 0x10;

function findQemu(): string | undefined {
  try {
    execFileSync(qemu, ["--version"], { stdio: "pipe" });
    return undefined;
  } catch (cause) {
    const reason = `${qemu} cannot be run (Debian's package: qemu-system-x86)`;
    if (process.env["REQUIRE_TOOLS"] === "1") throw new Error(`REQUIRE_TOOLS=1, but ${reason}`, { cause });
    return reason;
  }
}

/** Why there is no QEMU; `undefined` where there is one. */
export const noQemu: string | undefined = findQemu();
if (noQemu !== undefined) process.stderr.write(`skipped, no QEMU: ${noQemu}\n`);

/** The guest's CPU was reset, as it is by a triple fault. */
export class GuestReset extends Error {}

/** The firmware: nothing but the jump at the reset vector, F000:FFF0, in the last 16 bytes of 64 KiB. */
async function firmware(): Promise<Uint8Array> {
  const rom = new Uint8Array(0x1_0000);
  rom.set((await assemble(code16().ljmp(far(0, entryPoint)), { origin: 0xfff0n })).bytes, 0xfff0);
  return rom;
}

/**
 * Runs a guest until it says that it is done.
 *
 * The guest's memory is a file: written before, read after. What the guest computes need not pass through a device.
 *
 * @param results the range of memory to return
 * @param options more of QEMU's
 * @throws GuestReset where the guest does not get that far
 */
export async function runInQemu(
  chunks: readonly MemoryChunk[],
  results: { readonly at: number; readonly size: number },
  options: readonly string[] = [],
): Promise<Uint8Array> {
  const folder = mkdtempSync(path.join(tmpdir(), "guestwright-qemu-"));
  try {
    const rom = path.join(folder, "rom");
    const ram = path.join(folder, "ram");
    writeFileSync(rom, await firmware());
    const file = openSync(ram, "w+");
    try {
      ftruncateSync(file, ramBytes);
      for (const { at, bytes } of chunks) writeSync(file, bytes, 0, bytes.length, Number(at));
      await boot([
        ...["-accel", "tcg,thread=single", "-cpu", "max,+la57,+pdpe1gb,+smep,+smap,+pku"],
        ...["-machine", "pc,memory-backend=ram", "-m", `${ramBytes >> 20}M`, "-bios", rom],
        ...["-object", `memory-backend-file,id=ram,size=${ramBytes},mem-path=${ram},share=on`],
        ...["-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-nodefaults", "-display", "none", "-no-reboot"],
        ...options,
      ]);
      const found = new Uint8Array(results.size);
      readSync(file, found, 0, results.size, results.at);
      return found;
    } finally {
      closeSync(file);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Waits until the guest is done. */
async function boot(options: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)(qemu, options, { timeout: 60_000, killSignal: "SIGKILL" });
  } catch (error) {
    if ((error as { code?: unknown }).code === doneCode * 2 + 1) return;
    throw error;
  }
  throw new GuestReset("the guest's CPU was reset");
}
