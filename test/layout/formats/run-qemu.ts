/** Starts files on QEMU's software CPU and listens to what the guests in them say. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { doneCode } from "./guests.ts";

/** What a machine has besides the files: a CPU with all features, a debug console, a device that ends it. */
const machine = [
  ...["-accel", "tcg,thread=single", "-cpu", "max", "-nodefaults", "-display", "none", "-no-reboot"],
  ...["-debugcon", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=1"],
];

/**
 * Starts QEMU with some files.
 *
 * @param files their bytes by name
 * @param options those of QEMU, made of the files' paths
 * @returns what the guest wrote to port 0xe9 before it was done
 * @throws Error where the guest was not done by itself
 */
export async function listenInQemu<Name extends string>(
  files: Readonly<Record<Name, Uint8Array>>,
  options: (paths: Readonly<Record<Name, string>>) => readonly string[],
): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), "guestwright-formats-"));
  try {
    const paths = Object.fromEntries(
      Object.entries<Uint8Array>(files).map(([name, bytes]) => {
        const file = path.join(folder, name);
        writeFileSync(file, bytes);
        return [name, file];
      }),
    );
    return await untilDone([...machine, ...options(paths as Record<Name, string>)]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function untilDone(options: readonly string[]): Promise<string> {
  let said: string;
  try {
    said = (await promisify(execFile)("qemu-system-x86_64", options, { timeout: 60_000, killSignal: "SIGKILL" }))
      .stdout;
  } catch (error) {
    const { code, stdout } = error as { readonly code?: unknown; readonly stdout?: string };
    if (code === doneCode * 2 + 1) return stdout!;
    throw error;
  }
  throw new Error(`the guest was reset after it had said ${JSON.stringify(said)}`);
}
