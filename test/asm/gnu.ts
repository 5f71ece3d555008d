/** GNU as and objdump as oracles: they share no code with the assembler. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Mode } from "guestwright/asm";

/** Runs `use` with a folder that is gone afterwards. */
function inTemporaryFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "guestwright-gnu-"));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Why GNU as cannot be asked; `undefined` where it can. With REQUIRE_TOOLS=1 its absence is an error, not a reason.
 */
export function gnuMissing(): string | undefined {
  try {
    execFileSync("as", ["--version"], { stdio: "ignore" });
    execFileSync("objdump", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch (cause) {
    if (process.env["REQUIRE_TOOLS"] === "1") throw new Error("REQUIRE_TOOLS=1, but there is no GNU as", { cause });
    return "GNU as and objdump are not installed";
  }
}

/** The bytes of each statement, in Intel syntax; `undefined` for those that GNU as refuses. A statement may be several lines. */
export function gnuAssemble(mode: Mode, statements: readonly string[]): (Uint8Array | undefined)[] {
  return inTemporaryFolder((folder) => {
    const source = join(folder, "code.s");
    const object = join(folder, "code.o");
    const binary = join(folder, "code.bin");
    let accepted = statements.map((_, i) => i);
    for (;;) {
      const lines = accepted.map((i) => `L${i}: ${statements[i]}`);
      writeFileSync(source, [".intel_syntax noprefix", `.code${mode}`, ...lines, "Lend:", ""].join("\n"));
      const refused = run("as", [mode === 64 ? "--64" : "--32", "-o", object, source]);
      if (refused === undefined) break;
      const owners = lines.flatMap((line, k) => line.split("\n").map(() => accepted[k]));
      const bad = new Set([...refused.matchAll(/code\.s:(\d+): Error/g)].map(([, line]) => owners[Number(line) - 3]));
      if (bad.size === 0) throw new Error(refused);
      accepted = accepted.filter((i) => !bad.has(i));
    }
    execFileSync("objcopy", ["-O", "binary", "-j", ".text", object, binary]);
    const bytes = readFileSync(binary);
    const places = symbols(object);
    const ends = [...accepted.slice(1), "end"];
    const result: (Uint8Array | undefined)[] = statements.map(() => undefined);
    accepted.forEach((i, k) => (result[i] = bytes.subarray(places.get(`L${i}`), places.get(`L${ends[k]}`))));
    return result;
  });
}

function symbols(object: string): ReadonlyMap<string, number> {
  const lines = execFileSync("nm", [object], { encoding: "utf8", maxBuffer: 1 << 28 })
    .trim()
    .split("\n");
  return new Map(lines.map((line) => [line.split(" ")[2]!, Number.parseInt(line, 16)]));
}

function run(command: string, args: readonly string[]): string | undefined {
  try {
    execFileSync(command, args, { stdio: ["ignore", "ignore", "pipe"], maxBuffer: 1 << 28 });
    return undefined;
  } catch (error) {
    return String((error as { stderr: unknown }).stderr);
  }
}

/** A program in Intel syntax, linked at `origin`. */
export function gnuProgram(mode: Mode, text: string, origin = 0): Uint8Array {
  return inTemporaryFolder((folder) => {
    const [source, object, linked, binary] = ["code.s", "code.o", "code.elf", "code.bin"].map((name) =>
      join(folder, name),
    );
    writeFileSync(source!, [".intel_syntax noprefix", `.code${mode}`, text, ""].join("\n"));
    execFileSync("as", ["--no-warn", mode === 64 ? "--64" : "--32", "-o", object!, source!], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const emulation = mode === 64 ? "elf_x86_64" : "elf_i386";
    execFileSync("ld", ["-m", emulation, "-e", "0", "-Ttext", `0x${origin.toString(16)}`, "-o", linked!, object!]);
    execFileSync("objcopy", ["-O", "binary", "-j", ".text", linked!, binary!]);
    return readFileSync(binary!);
  });
}

/** The sections of a program in Intel syntax, each linked at its address. */
export function gnuSections<Name extends string>(
  mode: Mode,
  text: string,
  addresses: Readonly<Record<Name, number>>,
): Readonly<Record<Name, Uint8Array>> {
  return inTemporaryFolder((folder) => {
    const [source, object, linked, binary] = ["code.s", "code.o", "code.elf", "code.bin"].map((name) =>
      join(folder, name),
    );
    writeFileSync(source!, [".intel_syntax noprefix", `.code${mode}`, text, ""].join("\n"));
    execFileSync("as", ["--no-warn", mode === 64 ? "--64" : "--32", "-o", object!, source!]);
    const entries = Object.entries<number>(addresses);
    const starts = entries.map(([name, address]) => `--section-start=${name}=0x${address.toString(16)}`);
    execFileSync("ld", ["-m", mode === 64 ? "elf_x86_64" : "elf_i386", "-e", "0", ...starts, "-o", linked!, object!]);
    const bytes = entries.map(([name]) => {
      execFileSync("objcopy", ["-O", "binary", "-j", name, linked!, binary!]);
      return [name, readFileSync(binary!)];
    });
    return Object.fromEntries(bytes) as Record<Name, Uint8Array>;
  });
}

/** What a text's sections hold, one after another in the order that a linker script gives, from `origin`. */
export function gnuImage(mode: Mode, text: string, sections: readonly string[], origin = 0): Uint8Array {
  return inTemporaryFolder((folder) => {
    const [source, object, script, linked, binary] = ["code.s", "code.o", "code.ld", "code.elf", "code.bin"].map(
      (name) => join(folder, name),
    );
    writeFileSync(source!, [`.code${mode}`, text, ""].join("\n"));
    const contents = sections.map((name) => `*(${name})`).join(" ");
    writeFileSync(
      script!,
      `SECTIONS { . = 0x${origin.toString(16)}; .image : { ${contents} } =0 /DISCARD/ : { *(*) } }`,
    );
    execFileSync("as", ["--no-warn", mode === 64 ? "--64" : "--32", "-o", object!, source!]);
    const emulation = mode === 64 ? "elf_x86_64" : "elf_i386";
    execFileSync("ld", ["-m", emulation, "-e", "0", "-T", script!, "-o", linked!, object!], { stdio: "pipe" });
    execFileSync("objcopy", ["-O", "binary", "-j", ".image", linked!, binary!]);
    return readFileSync(binary!);
  });
}

/** Each byte string as objdump reads it. */
export function gnuDisassemble(mode: Mode, pieces: readonly Uint8Array[]): string[] {
  const room = 16;
  if (pieces.length === 0) return [];
  return inTemporaryFolder((folder) => {
    const binary = join(folder, "code.bin");
    // Each piece stands at a multiple of 16, so that one run of objdump reads them all; NOPs fill the rest.
    const bytes = Buffer.alloc(pieces.length * room, 0x90);
    pieces.forEach((piece, i) => bytes.set(piece, i * room));
    writeFileSync(binary, bytes);
    const machine = { 16: "i8086", 32: "i386", 64: "i386:x86-64" }[mode];
    const text = execFileSync(
      "objdump",
      [
        "-D",
        "-b",
        "binary",
        "-m",
        "i386",
        "-M",
        `intel${mode === 16 ? ",i8086" : mode === 64 ? ",x86-64" : ""}`,
        "-m",
        machine,
        binary,
      ],
      {
        encoding: "utf8",
        maxBuffer: 1 << 28,
      },
    );
    const lines = new Map(
      [...text.matchAll(/^\s*([0-9a-f]+):\t[0-9a-f ]+\t(.*)$/gm)].map(([, at, words]) => [
        Number.parseInt(at!, 16),
        words!,
      ]),
    );
    return pieces.map((_, i) => (lines.get(i * room) ?? "?").replaceAll(/\s+/g, " ").trim());
  });
}
