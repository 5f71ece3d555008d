/** Explains a machine's last exit. */
import { requireObject, requireUint8Array } from "../shapes.ts";
import { loadDisassembler, type Disassembler } from "../../disasm/disassemble.ts";
import { readIfMemory } from "../debug/guest-code.ts";
import type { Machine } from "../machine/machine.ts";
import { explainGuest, type BadEnd } from "./explain.ts";
import type { Finding } from "./finding.ts";

/** A machine with the vCPU whose exit is explained. */
type Explained = Pick<Machine, "vm" | "vcpu" | "image" | "kind">;

const badEnds: ReadonlySet<string> = new Set<BadEnd["kind"]>(["shutdown", "internal-error", "fail-entry"]);

/** An exit, as runs or transcripts have it. */
interface AnyExit {
  readonly kind: string;
  readonly instruction?: Uint8Array | undefined;
}

/** Whether a guest ended badly with this exit. */
function isBadEnd<E extends AnyExit>(exit: E): exit is E & BadEnd {
  return badEnds.has(exit.kind);
}

/** As {@link Machine.explain}. @param requireOpen throws where the machine was closed while the disassembler was loaded */
export async function explainExit(
  machine: Explained,
  exit: AnyExit,
  requireOpen: () => void,
): Promise<readonly Finding[]> {
  requireExit(exit);
  const disassembler = isBadEnd(exit) ? await loadDisassembler() : undefined;
  requireOpen();
  return explainMachine(machine, exit, disassembler);
}

/** Throws {@link KvmError} `BAD_ARGUMENT` for what is no exit. */
function requireExit(exit: AnyExit): void {
  const { instruction } = requireObject("the exit", exit);
  if (instruction !== undefined) requireUint8Array("the exit's instruction", instruction);
}

/** The same without waiting. @param disassembler without one, instructions are not looked into */
export function explainMachine(
  { vm, vcpu, image, kind }: Explained,
  exit: AnyExit,
  disassembler: Disassembler | undefined,
): readonly Finding[] {
  if (!isBadEnd(exit)) return [];
  const guest = {
    cpu: { ...vcpu.getSregs(), regs: vcpu.getRegs() },
    image,
    readMemory: (at: bigint, size: number) => readIfMemory(vm, at, size),
    ...{ disassembler, kind },
  };
  return explainGuest(guest, exit);
}
