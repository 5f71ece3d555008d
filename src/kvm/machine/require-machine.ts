/** Tells machines from what JavaScript without types passes for one. */
import { show } from "../../core/show.ts";
import { badArgument } from "../kvm-error.ts";

/** Throws {@link KvmError} `BAD_ARGUMENT` unless `taker` got a machine, of one vCPU or several. */
export function requireMachine(taker: string, value: unknown): void {
  const isMachine = typeof value === "object" && value !== null && "stream" in value && "image" in value;
  if (isMachine) return;
  throw badArgument(`${taker} takes a machine, got ${show(value)}`, value, "await boot(image) gives one");
}
