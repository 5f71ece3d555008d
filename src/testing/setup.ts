/**
 * Adds the matchers and serializers of `guestwright/testing` to Vitest's `expect`. For `setupFiles`, or to be imported by a
 * test. It is the only entry point that does something when it is imported.
 */
import { expect } from "vitest";
import { extendExpect } from "./extend-expect.ts";

// The matchers' types come with it: without this, its declaration would lead nowhere.
export type { GuestMatchers } from "./matchers.ts";

extendExpect(expect);
