/** Guests with several vCPUs, in real mode: vCPU 0 starts the others by INIT and SIPI, through its x2APIC. */
import { assembleText } from "guestwright/asm";
import type { LoadableImage } from "../../../src/kvm/index.ts";
import { realModeCpu } from "../images.ts";

/** Where the others start: the SIPI's vector is the page. */
const AP_PAGE = 2;

/** Words that guests and tests share; real mode reaches them with DS 0. */
export const shared = { flag: 0x3000, counter: 0x3010, slots: 0x3020 } as const;

/** The x2APIC on, INIT to another vCPU, SIPI to it (SDM vol. 3A, 8.4.4.1 and 11.12). */
const startOther = (id: number): string =>
  `mov ecx, 0x830; mov edx, ${id}; mov eax, 0x4500; wrmsr; mov eax, ${0x4600 | AP_PAGE}; wrmsr`;

const x2apicOn = "mov ecx, 0x1b; rdmsr; or eax, 0xc00; wrmsr";

/**
 * A machine whose vCPU 0 starts the others and then runs `first`; they run `others`, with DS 0. Both end by themselves.
 *
 * @param count how many vCPUs there are
 */
export async function smpImage(count: number, first: string, others: string): Promise<LoadableImage> {
  const starts = Array.from({ length: count - 1 }, (_, index) => startOther(index + 1));
  const bsp = await assembleText(16, [x2apicOn, ...starts, first].join("\n"), { origin: 0x1000 });
  const ap = await assembleText(16, ["xor ax, ax; mov ds, ax", others].join("\n"));
  return {
    memory: [{ name: "ram", kind: "ram", at: 0n, size: 0x1_0000n }],
    chunks: [
      { name: "first", at: 0x1000n, bytes: bsp.bytes },
      { name: "others", at: BigInt(AP_PAGE) << 12n, bytes: ap.bytes },
    ],
    cpu: { ...realModeCpu, regs: { ...realModeCpu.regs, rip: 0x1000n, rsp: 0x8000n } },
  };
}

/** Interrupts off, and nothing more. */
export const halt = "stop: cli; hlt; jmp stop";

/** Spins with interrupts off. */
export const spin = "spin: jmp spin";
