/** Compiles and runs C programs that say what the kernel's headers say. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

function findCompiler(): string | undefined {
  try {
    execFileSync("gcc", ["-fsyntax-only", "-x", "c", "-"], { input: "#include <linux/kvm.h>\n", stdio: "pipe" });
    return undefined;
  } catch (error) {
    if (process.env["REQUIRE_TOOLS"] === "1") throw error;
    return error instanceof Error ? error.message : String(error);
  }
}

/** Why there is no C compiler with the kernel's headers; `undefined` where there is one. */
export const noCompiler: string | undefined = findCompiler();
if (noCompiler !== undefined) process.stderr.write(`skipped, no C compiler: ${noCompiler}\n`);

/** What the program writes to its standard output. */
export function runC(source: string): Buffer {
  const folder = mkdtempSync(path.join(tmpdir(), "guestwright-c-"));
  try {
    const program = path.join(folder, "program");
    writeFileSync(`${program}.c`, source);
    execFileSync("gcc", ["-O2", "-D_GNU_SOURCE", "-Wall", "-Werror", "-o", program, `${program}.c`], { stdio: "pipe" });
    return execFileSync(program, { maxBuffer: 1 << 24 });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The names of the macros that a header defines, sorted, as far as they match. */
export function macrosOf(header: string, pattern: RegExp): readonly string[] {
  const text = execFileSync("gcc", ["-E", "-dM", "-include", header, "-x", "c", "/dev/null"], { encoding: "utf8" });
  const names = text.split("\n").map((line) => line.split(/[ (]/)[1] ?? "");
  return names.filter((name) => pattern.test(name)).toSorted();
}
