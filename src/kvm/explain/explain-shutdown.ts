/** Why a guest shut down: the exception that its last instruction raised, and why nobody handled it. */
import { hex } from "../../core/hex.ts";
import { exceptionName, exceptionVectors } from "../../layout/descriptors/exception-vectors.ts";
import type { GuestLocation } from "../machine/location.ts";
import { beyondKvm, lacksTasks, tssInCs } from "./beyond-kvm.ts";
import { findUndeliverable, followDelivery, type DeliveryChain } from "./delivery-chain.ts";
import { taskOfVector, vectorText } from "./deliver.ts";
import type { ExceptionFinding, Finding, PageFaultAddressFinding, UnknownFinding } from "./finding.ts";
import { placeText, type GuestView } from "./guest-view.ts";
import { findHandler } from "./handler.ts";
import { addressProblem } from "./memory-fault.ts";
import type { Raised } from "./raised.ts";
import { atRip, type AtRip } from "./raised-at-rip.ts";
import { findStray } from "./stray.ts";

/** What a CPU that was reset begins with (SDM vol. 3A, table 9-1). */
const resetState = { rip: 0xfff0n, cs: { selector: 0xf000, base: 0xffff_0000n } };

/** Everything that can be found out after a shutdown, the cause first. */
export function explainShutdown(view: GuestView, where: GuestLocation): readonly Finding[] {
  if (isReset(view)) {
    return [
      {
        kind: "state-reset",
        text: "the registers are those of a CPU after a reset: KVM has dropped the state that the guest shut down in",
        hint: "run it again under (await machine.debug()).trace(): at its last step, machine.where() is the instruction that shut it down",
      },
    ];
  }
  const tss = tssInCs(view);
  if (tss !== undefined) {
    const text = `cs holds ${hex(tss, 4)}, the selector of a TSS: KVM took the task gate of an exception for a gate to code`;
    return [{ kind: "unknown", where, text, hint: lacksTasks(view) }];
  }
  const lead = [findStray(view, where), findHandler(view)].filter((each) => each !== undefined);
  const looked = atRip(view);
  const { raised } = looked;
  const chain = raised && followDelivery(view, raised);
  if (raised !== undefined && chain !== undefined && agrees(view, raised, chain)) {
    const found = [...lead, exceptionFinding(where, looked, raised), ...chain.steps];
    if (chain.delivered === undefined) return found;
    const task = taskOfVector(view, chain.delivered);
    if (task !== undefined) return [...found, taskFinding(view, where, chain.delivered, task)];
  }
  const hint = beyondKvm(view, looked);
  if (hint !== undefined) return [...lead, { ...unknownFinding(where, looked), hint }];
  return [...lead, ...withoutException(view, where, looked, lead.length > 0)];
}

function isReset({ cpu: { regs, segments }, isReal, guest }: GuestView): boolean {
  const { cs } = segments;
  const { rip, cs: entry } = { rip: guest.image.cpu.regs.rip, cs: guest.image.cpu.segments.cs };
  const isAtReset = (at: bigint, code: typeof cs): boolean =>
    at === resetState.rip && code.selector === resetState.cs.selector && code.base === resetState.cs.base;
  // A guest that starts there, as firmware does, may be there by itself.
  return isReal && isAtReset(regs.rip, cs) && !isAtReset(rip, entry);
}

const pageOf = (address: bigint): bigint => address >> 12n;

/**
 * CR2 holds the address of a page fault that was raised. Hardware leaves that of the last one, a KVM that emulates may leave
 * that of the first; where it is none of them, the instruction at RIP did something else.
 */
function agrees({ cpu }: GuestView, { vector }: Raised, { pageFaults }: DeliveryChain): boolean {
  return exceptionName(vector) !== "#PF" || pageFaults.some((address) => pageOf(address) === pageOf(cpu.cr2));
}

function exceptionFinding(where: GuestLocation, { instruction }: AtRip, raised: Raised): ExceptionFinding {
  const { vector, errorCode, cause, why, hint, address, access, fault } = raised;
  const name = exceptionName(vector) ?? vectorText(vector);
  const code = errorCode === undefined ? name : `${name}(${hex(errorCode)})`;
  const came = why === undefined ? `asks for ${vectorText(vector)}` : `raised ${code}: ${why}`;
  const what = cause === "fetch" ? "fetching the instruction" : (instruction?.text ?? "the instruction");
  return {
    kind: "exception",
    ...{ vector, exception: exceptionName(vector), errorCode, cause, where, address, access, fault, hint },
    instruction: instruction && {
      address: instruction.address,
      bytes: instruction.bytes,
      text: instruction.text,
    },
    text: `${what} at ${placeText(where)} ${came}`,
  };
}

/** What can be said where no exception was derived. @param isLed whether something else was found already */
function withoutException(view: GuestView, where: GuestLocation, looked: AtRip, isLed: boolean): readonly Finding[] {
  const fault = lastPageFault(view);
  const any = findUndeliverable(view, { vector: exceptionVectors["#DE"].vector, isSoftware: false })?.finding;
  const noIdt = any?.reason === "no-idt" ? any : undefined;
  const unknown = isLed || fault !== undefined ? undefined : unknownFinding(where, looked);
  return [unknown, fault, noIdt].filter((each) => each !== undefined);
}

function unknownFinding(where: GuestLocation, { instruction }: AtRip): UnknownFinding {
  const what = instruction?.text ?? "the instruction";
  return {
    ...{ kind: "unknown", where, hint: undefined },
    text: `the state that was left does not say what ${what} at ${placeText(where)} raised`,
  };
}

/** What is known where an exception leads to a task. */
function taskFinding(view: GuestView, where: GuestLocation, vector: number, selector: number): UnknownFinding {
  return {
    ...{ kind: "unknown", where, hint: lacksTasks(view) },
    text: `${vectorText(vector)} has a task gate, and its selector ${hex(selector, 4)} leads to a TSS that can be switched to: the state that was left does not say what failed then`,
  };
}

/** What CR2 says, where it says something that it did not when the guest began. */
function lastPageFault(view: GuestView): PageFaultAddressFinding | undefined {
  const { cr2 } = view.cpu;
  if (cr2 === view.guest.image.cpu.cr2) return undefined;
  const { fault } = view.walk(cr2, "read", 0);
  const problem = fault === undefined ? "can be read" : addressProblem(view, cr2, fault, 0);
  return {
    ...{ kind: "page-fault-address", address: cr2, hint: undefined },
    text: `the last page fault was at cr2 ${hex(cr2)}, which ${problem}`,
  };
}
