/**
 * Snapshots and expectations of guests for Vitest. Importing this does nothing; `guestwright/testing/setup`, or
 * {@link extendExpect}, adds all of it to Vitest's `expect`.
 */
export { extendExpect } from "./extend-expect.ts";
export { guestMatchers, type GuestMatchers, type Ran, type Result } from "./matchers.ts";
export { imageSerializer, transcriptSerializer, type GuestSerializer } from "./serializers.ts";
export { TestingError } from "./testing-error.ts";
export type { ExpectedExit } from "./expected-exit.ts";
export type { RunGuestOptions } from "./run-guest.ts";
export type { ToMapOptions } from "./to-map.ts";
