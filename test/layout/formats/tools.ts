/** GNU's binutils, GDB and the C compiler as oracles: they share no code with what they check. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/**
 * Why a tool cannot be asked; `undefined` where all can. With REQUIRE_TOOLS=1 the absence of one is an error, not a reason.
 */
export function missingTool(...tools: readonly string[]): string | undefined {
  const reason = absence(tools);
  if (reason === undefined || process.env["REQUIRE_TOOLS"] !== "1") return reason;
  throw new Error(`REQUIRE_TOOLS=1, but ${reason}`);
}

/** The same for a tool that is not always asked for: many machines have binutils and no debugger. */
export function absentTool(tool: string): string | undefined {
  return absence([tool]);
}

function absence(tools: readonly string[]): string | undefined {
  for (const tool of tools) {
    try {
      execFileSync(tool, ["--version"], { stdio: "ignore" });
    } catch {
      process.stderr.write(`skipped: ${tool} is not installed\n`);
      return `${tool} is not installed`;
    }
  }
  return undefined;
}

/** A folder with files that is gone after `use`, which gets the path of each by its name. */
export function withFiles<T>(
  files: Readonly<Record<string, Uint8Array | string>>,
  use: (pathOf: (name: string) => string) => T,
): T {
  const folder = mkdtempSync(path.join(tmpdir(), "guestwright-tools-"));
  try {
    for (const [name, bytes] of Object.entries(files)) writeFileSync(path.join(folder, name), bytes);
    return use((name) => path.join(folder, name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What a tool prints; an error where it complains. */
export function ask(tool: string, ...options: readonly string[]): string {
  return execFileSync(tool, options, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** What a tool prints about a file. `FILE` among the options stands for its path. */
export function askAbout(bytes: Uint8Array, tool: string, ...options: readonly string[]): string {
  return withFiles({ file: bytes }, (pathOf) =>
    ask(tool, ...options.map((option) => option.replace("FILE", pathOf("file")))),
  );
}

/** A static ELF file of C source without a library, as GNU's tools make it. */
export function compile(source: string, ...options: readonly string[]): Uint8Array {
  return withFiles({ "guest.c": source }, (pathOf) => {
    const common = ["-nostdlib", "-ffreestanding", "-static", "-no-pie", "-fno-pic", "-fno-asynchronous-unwind-tables"];
    ask("gcc", ...common, "-Wl,--build-id=none", "-O1", ...options, pathOf("guest.c"), "-o", pathOf("guest.elf"));
    return new Uint8Array(readFileSync(pathOf("guest.elf")));
  });
}
