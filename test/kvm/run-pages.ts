/** `struct kvm_run` pages that the C compiler lays out. */
import type { RunPage } from "../../src/kvm/calls/run-page.ts";
import { runC } from "./c-program.ts";

const PAGE_BYTES = 3 * 4096;

/** A page for each piece of C, which finds a zeroed one as `run`, and its bytes as `page`. */
export function buildRunPages(fills: readonly string[]): readonly RunPage[] {
  const steps = fills.map((fill) => `memset(page, 0, sizeof page);\n${fill}\nfwrite(page, sizeof page, 1, stdout);`);
  const output = runC(
    `#include <stdio.h>\n#include <string.h>\n#include <linux/kvm.h>\nstatic char page[${PAGE_BYTES}];\n` +
      `int main(void) {\nstruct kvm_run *run = (struct kvm_run *)page;\n${steps.join("\n")}\nreturn 0;\n}\n`,
  );
  return fills.map((_, index) => {
    const bytes = new Uint8Array(output.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES));
    return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), kind: "vt-x" };
  });
}
