/** Whether a guest has a stack at all. */
import type { GuestView } from "./guest-view.ts";

/** What to do where an access through RSP fails; `undefined` where the guest begins with a stack, or nothing is known of that. */
export function noStackHint({ guest: { image } }: GuestView): string | undefined {
  // A place that the description names as the stack is none of `stacks`, but sets RSP, as `cpu.rsp` does.
  const hasNone = image.stacks?.length === 0 && image.cpu.regs.rsp === 0n;
  return hasNone
    ? 'the layout describes no stack, and rsp begins as 0: add stacks: { main: { size: "4KiB" } }, and it begins at the end of that'
    : undefined;
}
