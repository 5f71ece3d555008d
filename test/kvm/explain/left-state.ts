/** What is said of a state that a CPU may leave, without a KVM that leaves it. */
import type { Image } from "guestwright";
import type { CpuState, GeneralRegisters, SegmentName, SegmentState } from "guestwright/layout";
import { loadDisassembler } from "../../../src/disasm/disassemble.ts";
import { explainGuest, type BadEnd } from "../../../src/kvm/explain/explain.ts";
import type { Finding, KvmKind } from "../../../src/kvm/index.ts";
import { memoryOf } from "../../../src/paging/index.ts";

/** What differs from the state at entry. */
export interface Left extends Partial<Omit<CpuState, "regs" | "segments">> {
  readonly regs?: Partial<GeneralRegisters>;
  readonly segments?: { readonly [Name in SegmentName]?: Partial<SegmentState> };
}

export const shutdown: BadEnd = { kind: "shutdown" };

/** The findings about an image whose CPU was left in a state, by their texts without source files. */
export async function explained(...given: Parameters<typeof findingsOf>): Promise<readonly string[]> {
  return (await findingsOf(...given)).map(({ text }) => text.replaceAll(/ \(test\/[^)]*\)/g, ""));
}

export async function findingsOf(
  image: Image,
  left: Left,
  exit = shutdown,
  hasDisassembler = true,
  kind: KvmKind = "vt-x",
): Promise<readonly Finding[]> {
  const { memory, cpu, chunks } = image;
  const words = memoryOf(
    chunks,
    memory.filter(({ kind }) => kind === "ram"),
  );
  const segments = Object.fromEntries(
    Object.entries(cpu.segments).map(([name, state]) => [name, { ...state, ...left.segments?.[name as SegmentName] }]),
  ) as CpuState["segments"];
  const readByte = (at: number): number | undefined => {
    const word = words.readU32(at & ~3);
    return word === undefined ? undefined : (word >>> ((at & 3) * 8)) & 0xff;
  };
  return explainGuest(
    {
      cpu: { ...cpu, ...left, regs: { ...cpu.regs, ...left.regs }, segments },
      image,
      readMemory: (at, size) => {
        const bytes = Array.from({ length: size }, (_, index) => readByte(Number(at) + index));
        return bytes.every((byte) => byte !== undefined) ? Uint8Array.from(bytes) : undefined;
      },
      disassembler: hasDisassembler ? await loadDisassembler() : undefined,
      kind,
    },
    exit,
  );
}
