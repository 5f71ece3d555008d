/**
 * The way of an exception to its handler, step by step as the CPU goes it, up to where it fails: SDM vol. 3A, 6.12 to 6.14,
 * and vol. 2A, INT n.
 */
import type { VirtAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import { tryDecode } from "../../layout/descriptors/descriptor-table.ts";
import { descriptorToText } from "../../layout/descriptors/descriptor-text.ts";
import type { Descriptor } from "../../layout/descriptors/descriptor.ts";
import { exceptionName, exceptionVectors } from "../../layout/descriptors/exception-vectors.ts";
import type { InterruptGate, TrapGate } from "../../layout/descriptors/gate.ts";
import type { UndeliverableReason } from "./finding.ts";
import type { GuestView } from "./guest-view.ts";
import { linearFault, type MemoryFault } from "./memory-fault.ts";
import { pushFault } from "./push-frame.ts";
import { selectorFault } from "./selector.ts";

/** An exception or interrupt on its way. */
export interface Event {
  readonly vector: number;
  readonly isSoftware: boolean;
}

/** Why it does not get there. */
export interface Obstacle {
  readonly reason: UndeliverableReason;
  /** The vector of the exception that the CPU raises instead. */
  readonly raises: number;
  readonly address?: VirtAddr | undefined;
  /** In words that follow a colon. */
  readonly why: string;
  readonly hint?: string | undefined;
}

/** As manuals write a vector: `#PF (vector 14)`, `vector 48`. */
export function vectorText(vector: number): string {
  const name = exceptionName(vector);
  return name === undefined ? `vector ${vector}` : `${name} (vector ${vector})`;
}

/** How a description gives a vector a handler, unless it has one in an IDT that the guest no longer uses. */
function vectorHint(view: GuestView, vector: number): string {
  const isDescribed = view.guest.image.idt?.vectors.some((each) => each.vector === vector) === true;
  const name = exceptionName(vector);
  return (
    (isDescribed ? otherIdtHint(view) : undefined) ??
    `give it a handler: ${name === undefined ? vector : `"${name}"`} in the layout's idt.vectors`
  );
}

/** That IDTR is not what the layout has put there; `undefined` where it is. */
function otherIdtHint({ cpu: { idt }, guest: { image } }: GuestView): string | undefined {
  const { base, limit } = image.cpu.idt;
  if (image.idt === undefined || (idt.base === base && idt.limit === limit)) return undefined;
  return `the layout's IDT has base ${hex(base)} and limit ${hex(limit)}; the guest has loaded another, with base ${hex(idt.base)} and limit ${hex(idt.limit)}`;
}

const general = exceptionVectors["#GP"].vector;

/** The size of an IDT entry in bytes: of real mode (SDM vol. 3B, 21.1.4), protected and long mode (vol. 3A, 6.11 and 6.14.1). */
export function entrySize({ isReal, isLong }: Pick<GuestView, "isReal" | "isLong">): 4 | 8 | 16 {
  return isReal ? 4 : isLong ? 16 : 8;
}

/** What keeps an event from its handler; `undefined` where it gets there, or where that cannot be told. */
export function obstacle(view: GuestView, event: Event): Obstacle | undefined {
  const { idt } = view.cpu;
  const size = entrySize(view);
  const { vector } = event;
  if (idt.limit < size - 1) {
    return {
      ...{ reason: "no-idt", raises: general, why: `the guest has no IDT (IDTR's limit is ${hex(idt.limit)})` },
      hint: otherIdtHint(view) ?? "describe one with the layout's idt key, or load one with lidt",
    };
  }
  if ((vector + 1) * size - 1 > idt.limit) {
    const last = Math.floor((idt.limit + 1) / size) - 1;
    return {
      ...{ reason: "beyond-limit", raises: general, hint: vectorHint(view, vector) },
      why: `the IDT ends with vector ${last} (IDTR's limit is ${hex(idt.limit)})`,
    };
  }
  const at = BigInt.asUintN(view.isLong ? 64 : 32, idt.base + BigInt(vector * size));
  const unreadable = linearFault(view, at, { kind: "read", size, level: 0 });
  if (unreadable !== undefined) return fromFault("table-not-mapped", unreadable, `its gate lies at ${hex(at)}`);
  const bytes = view.read(at, size);
  if (bytes.length < size) return undefined;
  return view.isReal ? undefined : gateObstacle(view, event, bytes);
}

function fromFault(reason: UndeliverableReason, found: MemoryFault, what: string): Obstacle {
  return { reason, raises: found.vector, address: found.address, why: `${what}, which ${found.problem}` };
}

type CodeGate = InterruptGate | TrapGate;

function gateObstacle(view: GuestView, event: Event, bytes: Uint8Array): Obstacle | undefined {
  const { vector } = event;
  const { descriptor, problem } = tryDecode(bytes, { long: view.isLong });
  if (descriptor === undefined)
    return { reason: "wrong-type", raises: general, why: `its entry in the IDT is none: ${problem}` };
  if (descriptor.type === "null") {
    return { reason: "no-gate", raises: general, why: "its entry in the IDT is empty", hint: vectorHint(view, vector) };
  }
  if (!isCodeGate(descriptor) && descriptor.type !== "task-gate") {
    return { reason: "wrong-type", raises: general, why: `its entry in the IDT is "${descriptorToText(descriptor)}"` };
  }
  const { dpl = 0, selector } = descriptor;
  if (event.isSoftware && dpl < view.level) {
    return {
      ...{ reason: "gate-privilege", raises: general, hint: "give the vector dpl: 3" },
      why: `ring ${view.level} may not ask for it: its gate's DPL is ${dpl}`,
    };
  }
  if (descriptor.present === false) {
    return { reason: "not-present", raises: exceptionVectors["#NP"].vector, why: "its gate is not present" };
  }
  if (descriptor.type === "task-gate") return taskObstacle(view, selector);
  const refused = selectorFault(view, selector, "gate");
  if (refused !== undefined) {
    const { vector: raises, problem: what, hint } = refused;
    return { reason: "code-segment", raises, why: `the code segment of its gate, ${what}`, hint };
  }
  return pushFault(view, vector, descriptor) ?? handlerObstacle(view, descriptor);
}

/** What keeps the CPU from a switch to a task. What may fail in the switch, and behind it, is not looked into. */
function taskObstacle(view: GuestView, selector: number): Obstacle | undefined {
  const refused = selectorFault(view, selector, "task");
  if (refused === undefined) return undefined;
  const { vector: raises, problem: what } = refused;
  const isOwn = view.cpu.segments.tr.selector === selector;
  const hint = isOwn ? "TR holds the TSS of the task that runs: give the vector's task a TSS of its own" : refused.hint;
  return { reason: "task", raises, why: `the task of its gate, ${what}`, hint };
}

/** The selector of the TSS where a vector has a task gate; `undefined` where it has none. */
export function taskOfVector(view: GuestView, vector: number): number | undefined {
  if (view.isReal || view.isLong) return undefined;
  const size = entrySize(view);
  const bytes = view.read(BigInt.asUintN(32, view.cpu.idt.base + BigInt(vector * size)), size);
  const descriptor = bytes.length < size ? undefined : tryDecode(bytes, { long: false }).descriptor;
  return descriptor?.type === "task-gate" ? descriptor.selector : undefined;
}

const isCodeGate = (descriptor: Descriptor): descriptor is CodeGate =>
  descriptor.type === "interrupt-gate" || descriptor.type === "trap-gate";

/** A handler in 64-bit code must have an address that the CPU has. Whether it can be fetched shows when it is. */
function handlerObstacle(view: GuestView, { offset }: CodeGate): Obstacle | undefined {
  if (!view.isLong || view.walk(offset, "fetch", 0).fault?.reason !== "non-canonical") return undefined;
  return { reason: "handler-address", raises: general, why: `its handler's address ${hex(offset)} is not canonical` };
}
