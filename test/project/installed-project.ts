import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { buildPackage } from "./built-package.ts";
import { outsideOfVitest, run, type Ended } from "./child.ts";
import { packageRoot } from "./source-files.ts";

/** A project in a temporary folder with the packed package installed in it, and Vitest beside. */
export interface InstalledProject {
  readonly folder: string;
  write(file: string, text: string): void;
  /** Runs a program of an installed package. */
  node(program: string, ...args: readonly string[]): Promise<Ended>;
  remove(): void;
}

/** Packs the package, and unpacks it as npm would install it; what it depends on is this tree's. */
export async function installPackage(): Promise<InstalledProject> {
  const built = await buildPackage();
  const folder = mkdtempSync(path.join(tmpdir(), "guestwright-installed-"));
  const modules = path.join(folder, "node_modules");
  const remove = (): void => {
    built.remove();
    rmSync(folder, { recursive: true });
  };
  try {
    mkdirSync(path.join(modules, "guestwright"), { recursive: true });
    const arguments_ = ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder];
    const packed = await run("npm", arguments_, { cwd: built.folder });
    const tarball = path.join(folder, packed.stdout.trim());
    const unpacked = await run("tar", [
      "-xzf",
      tarball,
      "-C",
      path.join(modules, "guestwright"),
      "--strip-components=1",
    ]);
    if (unpacked.status !== 0) throw new Error(`${packed.stderr}${unpacked.stderr}`);
    for (const name of readdirSync(path.join(packageRoot, "node_modules"))) {
      if (name.startsWith(".") || name === "guestwright") continue;
      symlinkSync(path.join(packageRoot, "node_modules", name), path.join(modules, name));
    }
  } catch (error) {
    remove();
    throw error;
  }
  return {
    folder,
    write: (file, text) => {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), text);
    },
    node: (program, ...args) =>
      run(process.execPath, [path.join(modules, program), ...args], {
        cwd: folder,
        env: { ...outsideOfVitest, NO_COLOR: "1" },
      }),
    remove,
  };
}
