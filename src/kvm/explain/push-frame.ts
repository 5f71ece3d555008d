/** The stack that an exception is pushed to, and whether it can be: SDM vol. 3A, 6.12.1 and 6.14.2 to 6.14.5. */
import type { VirtAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { exceptionVectors, pushesErrorCode } from "../../layout/descriptors/exception-vectors.ts";
import type { InterruptGate, TrapGate } from "../../layout/descriptors/gate.ts";
import type { Obstacle } from "./deliver.ts";
import type { GuestView } from "./guest-view.ts";
import { linearFault } from "./memory-fault.ts";
import { noStackHint } from "./no-stack.ts";
import { descriptorOf } from "./selector.ts";

/** A stack that the CPU has chosen. */
interface ChosenStack {
  /** The base of its segment. */
  readonly base: VirtAddr;
  /** The stack pointer before the first push, and how many bits of it count. */
  readonly pointer: bigint;
  readonly bits: 16 | 32 | 64;
  /** Which it is, in words: `the stack at rsp`. */
  readonly name: string;
  /** Whether SS and RSP are pushed, too: always in long mode. */
  readonly isSwitched: boolean;
  readonly hint: string | undefined;
}

type CodeGate = InterruptGate | TrapGate;

/** Where a 64-bit TSS has its stacks: offsets of RSP0 and IST1 (SDM vol. 3A, 7.7). */
const RSP0 = 4n;
const IST1 = 0x24n;

/** Where other TSSs have theirs: a stack pointer of so many bytes, and then a selector in as many (SDM vol. 3A, 7.2.1 and 7.6). */
const shortStacks = {
  16: { register: "sp", first: 2n, size: 2 },
  32: { register: "esp", first: 4n, size: 4 },
} as const;

/** The bit of a TSS's type that tells one of 32 bits from one of 16 (SDM vol. 3A, table 3-2). */
const TYPE_32 = 8;

const invalidTask = exceptionVectors["#TS"].vector;

/** What keeps the CPU from pushing its frame; `undefined` where it can, or where that cannot be told. */
export function pushFault(view: GuestView, vector: number, gate: CodeGate): Obstacle | undefined {
  const level = targetLevel(view, gate);
  if (level === undefined) return undefined;
  const stack = chooseStack(view, vector, gate, level);
  if (stack === undefined || "reason" in stack) return stack;
  const { base, pointer, bits, name, isSwitched, hint } = stack;
  const size = gate.bits / 8;
  const count = (isSwitched || view.isLong ? 5 : 3) + (pushesErrorCode(vector) ? 1 : 0);
  const width = view.isLong ? 64 : 32;
  for (let pushed = 1; pushed <= count; pushed++) {
    const at = BigInt.asUintN(width, base + BigInt.asUintN(bits, pointer - BigInt(pushed * size)));
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
    const name = `the TSS's ${field}, ${hex(pointer)}`;
    return { base: 0n, pointer: pointer & ~15n, bits: 64, name, isSwitched: true, hint };
  }
  return shortStack(view, taskBitsOf(view) ?? (gate.bits === 16 ? 16 : 32), level);
}

/** The form of the TSS in TR, outside long mode; `undefined` where there is none. */
export function taskBitsOf({ cpu, isLong }: GuestView): 16 | 32 | undefined {
  const { tr } = cpu.segments;
  if (isLong || tr.unusable === 1 || tr.selector === 0) return undefined;
  return (tr.type & TYPE_32) === 0 ? 16 : 32;
}

function shortStack(view: GuestView, form: 16 | 32, level: number): ChosenStack | Obstacle | undefined {
  const { register, first, size } = shortStacks[form];
  const field = `${register}${level}`;
  const start = first + BigInt(2 * size * level);
  const pointer = taskField(view, field, start, size);
  const ss = taskField(view, `ss${level}`, start + BigInt(size), 2);
  if (typeof pointer !== "bigint") return pointer;
  if (typeof ss !== "bigint") return ss;
  const segment = descriptorOf(view, Number(ss));
  if ((ss & ~3n) === 0n || typeof segment === "string" || (segment !== undefined && segment.type !== "data")) {
    const why = `the TSS's ss${level}, ${hex(ss, 4)}, is no stack segment`;
    return { reason: "no-stack", raises: invalidTask, why, hint: `give the layout's TSS stacks[${level}]` };
  }
  if (segment === undefined) return undefined;
  const base = BigInt(segment.base ?? 0);
  const name = `the TSS's ${field}, ${hex(pointer)}`;
  return { base, pointer, bits: segment.bits === 16 ? 16 : 32, name, isSwitched: true, hint: undefined };
}

function currentStack(view: GuestView, vector: number): ChosenStack {
  const { cpu, isLong } = view;
  const { rsp } = cpu.regs;
  const isDouble = vector === exceptionVectors["#DF"].vector;
  const ownStack =
    isLong && isDouble ? "give #DF a stack of its own: ist in the layout's idt.vectors and TSS" : undefined;
  const rest = { isSwitched: false, hint: noStackHint(view) ?? ownStack };
  if (isLong) return { base: 0n, pointer: rsp & ~15n, bits: 64, name: `the stack at rsp ${hex(rsp)}`, ...rest };
  const { base, db } = cpu.segments.ss;
  const bits = db === 1 ? 32 : 16;
  const pointer = BigInt.asUintN(bits, rsp);
  return { base, pointer, bits, name: `the stack at ${db === 1 ? "esp" : "sp"} ${hex(pointer)}`, ...rest };
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
