/**
 * How long command lines take, as whole processes: the built program, an example from source, and for comparison Node
 * alone. In turns, medians.
 *
 * `npm run build && node --conditions=guestwright-source --import tsx bench/start-up.ts [rounds]`
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const rounds = Number(process.argv[2] ?? 7);
const root = fileURLToPath(new URL("..", import.meta.url));
const program = path.join(root, "dist/cli/bin.js");
const guest = path.join(root, "examples/long-mode.ts");
if (!existsSync(program)) throw new Error("there is no build: npm run build");

/** What is started, by the name that the table gives it. */
const lines: Readonly<Record<string, readonly string[]>> = {
  "node alone": ["--eval", ""],
  "--version": [program, "--version"],
  "inspect long-mode.ts": [program, "inspect", guest],
  "run long-mode.ts": [program, "run", guest],
  "npm start, without npm": ["scripts/run-source.mjs", "examples/run.ts", "long-mode"],
};

const times = new Map<string, number[]>();
for (let round = 0; round <= rounds; round++) {
  for (const [name, words] of Object.entries(lines)) {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, words, { cwd: root, encoding: "utf8" });
    const took = performance.now() - start;
    if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
    // The first round fills the file cache.
    if (round > 0) times.set(name, [...(times.get(name) ?? []), took]);
  }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const rows = [...times].map(([name, values]) => [
  name,
  { "median ms": Math.round(median(values)), "least ms": Math.round(Math.min(...values)) },
]);
console.table(Object.fromEntries(rows));
