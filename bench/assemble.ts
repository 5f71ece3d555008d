/**
 * The assembler against GNU as over the same instructions: whole runs, interleaved, medians.
 *
 * `node --conditions=guestwright-source --import tsx bench/assemble.ts [rounds]`
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  assemble,
  byte,
  code64,
  dword,
  eax,
  ecx,
  rax,
  rbx,
  rcx,
  rdx,
  rip,
  rsi,
  times,
  type Code,
} from "guestwright/asm";

const rounds = Number(process.argv[2] ?? 5);
const sizes = [1_000, 10_000, 100_000];

/** The same instruction for the builder and for GNU as; every eighth defines a label, every fourth uses one. */
function guest(count: number): { readonly code: Code<64, string, never>; readonly text: string } {
  let code = code64() as unknown as Code<64, string, never>;
  const lines: string[] = [".intel_syntax noprefix"];
  for (let i = 0; i < count; i++) {
    const label = `l${i >> 3}`;
    switch (i & 7) {
      case 0:
        code = code.label(label).mov(rax, i);
        lines.push(`${label}: mov rax, ${i}`);
        break;
      case 1:
        code = code.add(eax, dword(rbx, times(rcx, 4), i & 0xfff));
        lines.push(`add eax, dword ptr [rbx+rcx*4+${i & 0xfff}]`);
        break;
      case 2:
        code = code.jnz(label);
        lines.push(`jnz ${label}`);
        break;
      case 3:
        code = code.xor(ecx, ecx);
        lines.push("xor ecx, ecx");
        break;
      case 4:
        code = code.lea(rsi, rip(label));
        lines.push(`lea rsi, [rip+${label}]`);
        break;
      case 5:
        code = code.mov(byte(rdx, i & 0x7f), i & 0xff);
        lines.push(`mov byte ptr [rdx+${i & 0x7f}], ${i & 0xff}`);
        break;
      case 6:
        code = code.push(rax);
        lines.push("push rax");
        break;
      default:
        code = code.pop(rax);
        lines.push("pop rax");
    }
  }
  return { code, text: `${lines.join("\n")}\n` };
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const folder = mkdtempSync(path.join(tmpdir(), "guestwright-bench-"));
try {
  await assemble(code64().hlt());
  const rows: Record<string, string | number>[] = [];
  for (const count of sizes) {
    const source = path.join(folder, "code.s");
    writeFileSync(source, guest(count).text);
    const ours: number[] = [];
    const gnu: number[] = [];
    for (let round = 0; round < rounds; round++) {
      let start = performance.now();
      execFileSync("as", ["--64", "-o", path.join(folder, "code.o"), source]);
      gnu.push(performance.now() - start);
      start = performance.now();
      await assemble(guest(count).code);
      ours.push(performance.now() - start);
    }
    const [a, b] = [median(ours), median(gnu)];
    rows.push({
      instructions: count,
      "ours, ms": a.toFixed(1),
      "GNU as, ms": b.toFixed(1),
      ratio: (a / b).toFixed(2),
      "µs each": ((a * 1000) / count).toFixed(2),
    });
  }
  console.table(rows);
} finally {
  rmSync(folder, { recursive: true });
}
