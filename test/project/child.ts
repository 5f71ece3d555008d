import { spawn } from "node:child_process";
import { packageRoot } from "./source-files.ts";

/** How a program ended, and what it printed. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end with nothing on its standard input; never through a shell. `env` is added to this process's. */
export function run(
  command: string,
  args: readonly string[],
  { cwd = packageRoot, env = {} }: { cwd?: string; env?: Record<string, string | undefined> } = {},
): Promise<Ended> {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, stdout, stderr }));
  });
}

/** The project's own compiler. */
export function tsc(...args: readonly string[]): Promise<Ended> {
  return run(process.execPath, [`${packageRoot}/node_modules/typescript/bin/tsc`, ...args]);
}

/** The arguments that let Node run TypeScript and resolve the package's own name to its source. */
export const fromSource: readonly string[] = [
  "--conditions=guestwright-source",
  "--import",
  import.meta.resolve("tsx"),
];

/** For a Vitest that is no part of this one, and that writes snapshots as on a developer's machine. */
export const outsideOfVitest: Readonly<Record<string, undefined>> = {
  ...{ CI: undefined, NODE_OPTIONS: undefined, FORCE_COLOR: undefined },
  ...{ VITEST: undefined, VITEST_MODE: undefined, VITEST_POOL_ID: undefined, VITEST_WORKER_ID: undefined },
};
