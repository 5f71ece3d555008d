import type { ExpectStatic } from "vitest";
import { guestMatchers } from "./matchers.ts";
import { imageSerializer, transcriptSerializer } from "./serializers.ts";

/**
 * Adds the matchers and the snapshot serializers to Vitest's `expect`: what importing `guestwright/testing/setup` does.
 *
 * @example
 * ```ts
 * import { expect } from "vitest";
 * extendExpect(expect);
 * ```
 */
export function extendExpect(expect: Pick<ExpectStatic, "extend" | "addSnapshotSerializer">): void {
  expect.extend({ ...guestMatchers });
  expect.addSnapshotSerializer(imageSerializer());
  expect.addSnapshotSerializer(transcriptSerializer());
}
