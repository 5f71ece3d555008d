/** What a snapshot leaves out. */
import { show } from "../../core/show.ts";
import { badArgument, requireOptions } from "../kvm-error.ts";

/**
 * A part of the state that a snapshot may leave out, where the guest is known not to change it. `controllers` are the interrupt
 * controllers with the local APICs, whether vCPUs are halted, the timer, and KVM's clock.
 */
export type SnapshotPart = "fpu" | "debug-registers" | "msrs" | "controllers";

/** What a snapshot is to hold. */
export interface SnapshotOptions {
  /**
   * What to leave out, since the guest does not change it: each part costs ioctls on every restore. Registers, special
   * registers, events and memory are always there. Nothing is left out unless given.
   */
  readonly omit?: readonly SnapshotPart[];
}

const snapshotParts: ReadonlySet<string> = new Set<SnapshotPart>(["fpu", "debug-registers", "msrs", "controllers"]);

/** The parts that are to be left out. Throws {@link KvmError} `BAD_ARGUMENT` for what is no part. */
export function omittedParts(options: SnapshotOptions): ReadonlySet<SnapshotPart> {
  requireOptions("snapshot", ["omit"], options);
  const { omit = [] } = options;
  if (!Array.isArray(omit)) throw badArgument(`omit is no array of parts: ${show(omit)}`, omit);
  const unknown = omit.findIndex((part) => !snapshotParts.has(part));
  if (unknown >= 0) throw badArgument(`no part of a snapshot: ${show(omit[unknown])}`, omit);
  return new Set(omit);
}
