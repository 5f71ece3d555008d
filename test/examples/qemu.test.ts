/** Examples from files, under QEMU's software CPU: they say there what they say on KVM. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { imageToFile } from "guestwright";
import { describe, expect, test } from "vitest";
import { image as bootSector } from "../../examples/boot-sector.ts";
import { image as ring3 } from "../../examples/ring3.ts";
import { noQemu } from "../paging/qemu.ts";

const qemu = "qemu-system-x86_64";

/**
 * Starts QEMU with a file, and listens to port 0xe9 until the guest has said so many characters: it halts then, and QEMU would
 * wait for ever.
 *
 * @param option the option of QEMU that takes the file, made of its path
 */
async function heardInQemu(
  file: Uint8Array,
  option: (file: string) => readonly string[],
  length: number,
): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), "guestwright-example-"));
  try {
    const name = path.join(folder, "file");
    writeFileSync(name, file);
    const machine = spawn(qemu, [
      ...["-accel", "tcg,thread=single", "-cpu", "max", "-nodefaults", "-display", "none", "-no-reboot"],
      ...["-debugcon", "stdio", ...option(name)],
    ]);
    const tooLate = setTimeout(() => machine.kill("SIGKILL"), 60_000);
    let text = "";
    for await (const piece of machine.stdout) {
      text += String(piece);
      if (text.length >= length) break;
    }
    clearTimeout(tooLate);
    machine.kill("SIGKILL");
    return text;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe.skipIf(noQemu !== undefined)("under QEMU", { timeout: 90_000 }, () => {
  test("boot-sector, from a disk whose firmware reads it", async () => {
    const { bytes } = await imageToFile(bootSector, "boot-sector");
    const said = "Real mode\nProtected mode\nLong mode\n";
    expect(await heardInQemu(bytes, (disk) => ["-drive", `format=raw,file=${disk}`], said.length)).toBe(said);
  });

  test("ring3, whose syscall leads to ring 0 and back", async () => {
    const { bytes } = await imageToFile(ring3, "pvh");
    const said = "hello 6";
    expect(await heardInQemu(bytes, (kernel) => ["-kernel", kernel], said.length)).toBe(said);
  });
});
