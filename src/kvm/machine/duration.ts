/** Spans of time as people write them. */
import { show } from "../../core/show.ts";
import { badArgument } from "../kvm-error.ts";

/** A span of time: a number of milliseconds, or a number with its unit such as `"50ms"`. */
export type Duration = number | `${number}${"us" | "ms" | "s"}`;

const unitMilliseconds = { us: 0.001, ms: 1, s: 1000 } as const;

/**
 * A duration in milliseconds. `Infinity` is one. Throws {@link KvmError} `BAD_ARGUMENT` for 0, a negative number, and text
 * that is no duration.
 */
export function toMilliseconds(duration: Duration): number {
  const parts = typeof duration === "string" ? /^(\d+(?:\.\d+)?)(us|ms|s)$/.exec(duration) : null;
  const milliseconds =
    parts === null ? duration : Number(parts[1]) * unitMilliseconds[parts[2] as keyof typeof unitMilliseconds];
  if (typeof milliseconds === "number" && milliseconds > 0) return milliseconds;
  throw badArgument(
    `no span of time: ${show(duration)}`,
    duration,
    'a number of milliseconds above 0, or text such as "50ms" or "1s"; Infinity for no deadline',
  );
}
