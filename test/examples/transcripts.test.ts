/** What each example prints, to the character. */
import { expect, test } from "vitest";
import { describeKvm } from "../kvm/require-kvm.ts";
import { run } from "../project/child.ts";
import { runExample } from "./run-example.ts";

const transcripts: Readonly<Record<string, string>> = {
  "real-mode": `\
Hello from Real Mode!
IO_IN: port=4096 len=1
MMIO_WRITE: addr=0x2000 len=1 data=[0xaa]
MMIO_READ: addr=0x2000 len=1
HLT
`,
  "long-mode": `\
Hello from Long Mode!
IO_IN: port=4096 len=1
MMIO_WRITE: addr=0x8000 len=1 data=[0x12]
MMIO_WRITE: addr=0x8001 len=1 data=[0x34]
MMIO_WRITE: addr=0x8002 len=1 data=[0x56]
MMIO_WRITE: addr=0x8003 len=1 data=[0x78]
HLT
memory[0x6000..0x6003] = aa bb cc dd
`,
  "msr-swapgs": `\
gsbase: 0xbbbbbbbb
kernel_gsbase: 0xaaaaaaaa
-- swapgs --
gsbase: 0xaaaaaaaa
kernel_gsbase: 0xbbbbbbbb
HLT
`,
  "boot-sector": `\
Real mode
Protected mode
Long mode
`,
  exceptions: `\
#PF: error code 0x0, address 0x12345000
#PF: error code 0x3, address 0x400000
#GP: error code 0x0, address 0x400031
#UD: error code 0x0, address 0x40003a
#DE: error code 0x0, address 0x400045
HLT
`,
  ring3: `\
hello 6
#PF in ring 3: error code 0x5, address 0x500000
its handler runs on the stack fault
`,
};

describeKvm("examples", () => {
  test.each(Object.entries(transcripts))("%s prints its transcript", async (name, stdout) => {
    expect(await runExample([name])).toEqual({ status: 0, stdout, stderr: "" });
  });

  test("npm run example -- NAME, and npm start, run them as well", async () => {
    const quiet = { env: { npm_config_loglevel: "error" } };
    const swapgs = await run("npm", ["run", "--silent", "example", "--", "msr-swapgs"], quiet);
    expect([swapgs.status, swapgs.stdout]).toEqual([0, transcripts["msr-swapgs"]]);
    const start = await run("npm", ["start", "--silent"], quiet);
    expect([start.status, start.stdout]).toEqual([0, transcripts["long-mode"]]);
  });
});
