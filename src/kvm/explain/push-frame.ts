/** The stack that an exception is pushed to, and whether it can be: SDM vol. 3A, 6.12.1 and 6.14.2 to 6.14.5. */
import type { VirtAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { exceptionVectors, pushesErrorCode } from "../../layout/descriptors/exception-vectors.ts";
import type { InterruptGate, TrapGate } from "../../layout/descriptors/gate.ts";
import type { Obstacle } from "./deliver.ts";
import type { GuestView } from "./guest-view.ts";
import { linearFault } from "./memory-fault.ts";
import { descriptorOf } from "./selector.ts";

/** A stack that the CPU has chosen. */
interface ChosenStack {
  /** The linear address behind the first push. */
  readonly top: VirtAddr;
  /** Which it is, in words: `the stack at rsp`. */
  readonly name: string;
  /** Whether SS and RSP are pushed, too: always in long mode. */
  readonly isSwitched: boolean;
  readonly hint: string | undefined;
}

type CodeGate = InterruptGate | TrapGate;

/** Where a TSS has its stacks: offsets and sizes of RSP0, IST1 and ESP0 (SDM vol. 3A, 7.7 and 7.2.1). */
const RSP0 = 4n;
const IST1 = 0x24n;
const ESP0 = 4n;
const SS0 = 8n;

const invalidTask = exceptionVectors["#TS"].vector;

/** What keeps the CPU from pushing its frame; `undefined` where it can, or where that cannot be told. */
export function pushFault(view: GuestView, vector: number, gate: CodeGate): Obstacle | undefined {
  const level = targetLevel(view, gate);
  if (level === undefined) return undefined;
  const stack = chooseStack(view, vector, gate, level);
  if (stack === undefined || "reason" in stack) return stack;
  const { top, name, isSwitched, hint } = stack;
  const size = gate.bits / 8;
  const count = (isSwitched || view.isLong ? 5 : 3) + (pushesErrorCode(vector) ? 1 : 0);
  const width = view.isLong ? 64 : 32;
  for (let pushed = 1; pushed <= count; pushed++) {
    const at = BigInt.asUintN(width, top - BigInt(pushed * size));
    const found = linearFault(view, at, { kind: "write", size, level });
    if (found === undefined) continue;
    const isCanonical = found.fault?.reason !== "non-canonical";
    return {
      reason: "stack-not-writable",
      raises: isCanonical ? found.vector : exceptionVectors["#SS"].vector,
      address: found.address,
      why: `its frame goes to ${name}, and ${hex(found.address)} ${found.problem}`,
      hint,
    };
  }
  return undefined;
}

/** The privilege level that the handler has: the DPL of its code segment, unless that is conforming. */
function targetLevel(view: GuestView, { selector }: CodeGate): 0 | 1 | 2 | 3 | undefined {
  const code = descriptorOf(view, selector);
  if (code === undefined || typeof code === "string" || code.type !== "code") return undefined;
  return code.conforming === true ? view.level : (code.dpl ?? 0);
}

function chooseStack(
  view: GuestView,
  vector: number,
  gate: CodeGate,
  level: 0 | 1 | 2 | 3,
): ChosenStack | Obstacle | undefined {
  const ist = gate.bits === 64 ? (gate.ist ?? 0) : 0;
  const isSwitched = level < view.level;
  if (ist === 0 && !isSwitched) return currentStack(view, vector);
  if (view.isLong) {
    const field = ist === 0 ? `rsp${level}` : `ist${ist}`;
    const at = ist === 0 ? RSP0 + 8n * BigInt(level) : IST1 + 8n * BigInt(ist - 1);
    const pointer = taskField(view, field, at, 8);
    if (typeof pointer !== "bigint") return pointer;
    const hint = pointer === 0n ? `give the layout's TSS ${ist === 0 ? `stacks[${level}]` : `ist[${ist}]`}` : undefined;
    return { top: pointer & ~15n, name: `the TSS's ${field}, ${hex(pointer)}`, isSwitched: true, hint };
  }
  if (gate.bits === 16) return undefined;
  const esp = taskField(view, `esp${level}`, ESP0 + 8n * BigInt(level), 4);
  const ss = taskField(view, `ss${level}`, SS0 + 8n * BigInt(level), 2);
  if (typeof esp !== "bigint") return esp;
  if (typeof ss !== "bigint") return ss;
  const segment = descriptorOf(view, Number(ss));
  if ((ss & ~3n) === 0n || typeof segment === "string" || (segment !== undefined && segment.type !== "data")) {
    const why = `the TSS's ss${level}, ${hex(ss, 4)}, is no stack segment`;
    return { reason: "no-stack", raises: invalidTask, why, hint: `give the layout's TSS stacks[${level}]` };
  }
  if (segment === undefined) return undefined;
  const top = BigInt.asUintN(32, BigInt(segment.base ?? 0) + esp);
  return { top, name: `the TSS's esp${level}, ${hex(esp)}`, isSwitched: true, hint: undefined };
}

function currentStack({ cpu, isLong }: GuestView, vector: number): ChosenStack {
  const { rsp } = cpu.regs;
  const isDouble = vector === exceptionVectors["#DF"].vector;
  const hint = isLong && isDouble ? "give #DF a stack of its own: ist in the layout's idt.vectors and TSS" : undefined;
  if (isLong) return { top: rsp & ~15n, name: `the stack at rsp ${hex(rsp)}`, isSwitched: false, hint };
  const { base, db } = cpu.segments.ss;
  const offset = BigInt.asUintN(db === 1 ? 32 : 16, rsp);
  const register = db === 1 ? "esp" : "sp";
  return { top: base + offset, name: `the stack at ${register} ${hex(offset)}`, isSwitched: false, hint };
}

/** A field of the TSS, or what is wrong with it; `undefined` where it cannot be read. */
function taskField(view: GuestView, field: string, at: bigint, size: number): bigint | Obstacle | undefined {
  const { tr } = view.cpu.segments;
  const missing = (why: string): Obstacle => ({
    ...{ reason: "no-stack", raises: invalidTask, why },
    hint: "describe a TSS with the layout's gdt key, or load one with ltr",
  });
  if (tr.unusable === 1 || tr.selector === 0) return missing(`its stack is the TSS's ${field}, and TR holds no TSS`);
  if (at + BigInt(size) - 1n > BigInt(tr.limit)) {
    return missing(`its stack is the TSS's ${field}, behind the limit of TR, ${hex(tr.limit)}`);
  }
  const found = linearFault(view, tr.base + at, { kind: "read", size, level: 0 });
  if (found !== undefined) {
    const why = `its stack is the TSS's ${field}, at ${hex(found.address)}, which ${found.problem}`;
    return { reason: "no-stack", raises: found.vector, address: found.address, why, hint: undefined };
  }
  return view.readNumber(tr.base + at, size);
}
