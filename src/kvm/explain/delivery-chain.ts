/** From an exception to the shutdown: what cannot be delivered raises the next one. SDM vol. 3A, table 6-5. */
import type { VirtAddr } from "../../core/address.ts";
import { exceptionName, exceptionVectors } from "../../layout/descriptors/exception-vectors.ts";
import { obstacle, vectorText, type Event } from "./deliver.ts";
import type { UndeliverableFinding } from "./finding.ts";
import type { GuestView } from "./guest-view.ts";
import type { Raised } from "./raised.ts";

/** What came of an exception. */
export interface DeliveryChain {
  /** Each exception that did not get to its handler. */
  readonly steps: readonly UndeliverableFinding[];
  /** The vector that got through, as far as can be told; `undefined` where the last of them shut the CPU down. */
  readonly delivered: number | undefined;
  /** The addresses of all page faults, the first one's included. */
  readonly pageFaults: readonly VirtAddr[];
}

/** Exceptions of which two in a row are a double fault (SDM vol. 3A, table 6-4). */
const contributory: ReadonlySet<number> = new Set(
  (["#DE", "#TS", "#NP", "#SS", "#GP"] as const).map((name) => exceptionVectors[name].vector),
);
const pageFault = exceptionVectors["#PF"].vector;
const doubleFault = exceptionVectors["#DF"].vector;

/** The vector that comes next where `second` is raised while `first` is delivered; `undefined` for the shutdown. */
function nextVector(first: number, second: number): number | undefined {
  if (first === doubleFault) return undefined;
  const isDouble =
    (contributory.has(first) && contributory.has(second)) ||
    (first === pageFault && (contributory.has(second) || second === pageFault));
  return isDouble ? doubleFault : second;
}

/** An exception that does not get to its handler, as a finding; `undefined` where it gets there, as far as can be told. */
export function findUndeliverable(view: GuestView, event: Event): Undeliverable | undefined {
  const found = obstacle(view, event);
  if (found === undefined) return undefined;
  const { reason, raises, address, why, hint } = found;
  // Without an IDT it is the same for all.
  const what = reason === "no-idt" ? "no exception can" : `${vectorText(event.vector)} cannot`;
  const finding: UndeliverableFinding = {
    kind: "undeliverable",
    ...{ vector: event.vector, exception: exceptionName(event.vector), reason, address, hint },
    raises: exceptionName(raises)!,
    text: `${what} be delivered: ${why}`,
  };
  return { finding, raises };
}

interface Undeliverable {
  readonly finding: UndeliverableFinding;
  /** The vector that comes instead. */
  readonly raises: number;
}

/** Follows an exception. There are at most four: a benign one, a contributory one, a page fault, the double fault. */
export function followDelivery(view: GuestView, { vector, cause, address }: Raised): DeliveryChain {
  const steps: UndeliverableFinding[] = [];
  const pageFaults: VirtAddr[] = vector === pageFault && address !== undefined ? [address] : [];
  let current: number | undefined = vector;
  while (current !== undefined) {
    const isSoftware = cause === "software-interrupt" && steps.length === 0;
    const found = findUndeliverable(view, { vector: current, isSoftware });
    if (found === undefined) return { steps, delivered: current, pageFaults };
    const { finding, raises } = found;
    if (raises === pageFault && finding.address !== undefined) pageFaults.push(finding.address);
    if (steps.at(-1)?.reason !== "no-idt") steps.push(finding);
    current = nextVector(current, raises);
  }
  return { steps, delivered: undefined, pageFaults };
}
