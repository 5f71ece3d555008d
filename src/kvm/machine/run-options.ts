/** How a guest is to be run, and what is checked of it before it runs. */
import { requireObject } from "../shapes.ts";
import { toMilliseconds, type Duration } from "./duration.ts";
import type { Device, Timing } from "../devices/device.ts";
import { dispatchTo, handledBy, type Dispatch } from "./dispatch.ts";
import type { Exit } from "../exits/exits.ts";
import { badArgument, requireOptions } from "../kvm-error.ts";
import { show } from "../../core/show.ts";

/** What `run` and `stream` have in common. */
export interface CommonRunOptions {
  /**
   * How long the guest may run in this call: a number of milliseconds or text such as `"50ms"`; {@link DEFAULT_TIMEOUT}
   * unless given, `Infinity` for no deadline. The guest's time counts, not the consumer's: while an exit is handled, the
   * clock stands still. Where exits are many and short, it is measured by samples.
   */
  readonly timeout?: Duration;
  /** After so many exits, also those that devices handle, the stream ends with `exit-limit`. No limit unless given. */
  readonly maxExits?: number;
  /** Whether exits that devices handled reach the stream, too, after they were handled; not unless given. */
  readonly includeHandled?: boolean;
}

/** How a guest is to be run on the calling thread. */
export interface RunOptions extends CommonRunOptions {
  /** Devices that handle exits, all at once: one that answers later is for `stream`. Their ranges may not overlap. */
  readonly devices?: readonly Device[];
}

/** How a guest is to be run beside the event loop. */
export interface StreamOptions extends CommonRunOptions {
  /** Devices that handle exits. The guest waits for those that answer later. Their ranges may not overlap. */
  readonly devices?: readonly (Device | Device<"async">)[];
  /**
   * Ends the stream: it throws the signal's reason, also while a device answers. The machine can go on: the next stream waits
   * for the answer that is still owed.
   */
  readonly signal?: AbortSignal;
}

/** The deadline of a run that is given none. */
export const DEFAULT_TIMEOUT: Duration = "10s";
const DEFAULT_LIMIT = toMilliseconds(DEFAULT_TIMEOUT);

/** Options with their defaults, as the runs use them. */
export interface RunPlan {
  /** In milliseconds. */
  readonly limit: number;
  readonly maxExits: number;
  readonly includeHandled: boolean;
  readonly dispatch: Dispatch | undefined;
}

/** Options of a run that keeps no exits from its stream. Throws {@link KvmError} `BAD_ARGUMENT` for what is no object. */
export function withAllExits<Options extends StreamOptions>(options: Options): Options & { includeHandled: true } {
  return { ...requireObject("the options of a run", options), includeHandled: true };
}

/** Which exits a run with these options keeps from its stream: those that devices handle, unless they are asked for. */
export function hiddenExits({ devices, includeHandled = false }: StreamOptions): (exit: Exit) => boolean {
  return includeHandled || devices === undefined ? () => false : handledBy(devices);
}

/** Their names, for {@link planRun}. */
export const runOptionNames: readonly (keyof RunOptions)[] = ["timeout", "maxExits", "includeHandled", "devices"];
export const streamOptionNames: readonly (keyof StreamOptions)[] = [...runOptionNames, "signal"];

/** Reads options of `taker`, which has no others but `names`. Throws {@link KvmError} `BAD_ARGUMENT`. */
export function planRun(
  taker: string,
  names: readonly string[],
  options: CommonRunOptions & { readonly devices?: readonly Device<Timing>[] },
): RunPlan {
  requireOptions(taker, names, options);
  const { timeout, maxExits = Number.POSITIVE_INFINITY, includeHandled = false } = options;
  if (maxExits !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(maxExits) && maxExits > 0)) {
    throw badArgument(`maxExits is no whole number above 0: ${show(maxExits)}`, maxExits);
  }
  const limit = timeout === undefined ? DEFAULT_LIMIT : toMilliseconds(timeout);
  return { limit, maxExits, includeHandled, dispatch: dispatchTo(options.devices ?? []) };
}
