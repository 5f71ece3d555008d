/** The code between the gates of the IDT and the handlers, where a description asks for it. */
import { assemble, definedLabels, undefinedLabels, type AnyCode } from "../../asm/index.ts";
import { withoutCallSites } from "../../asm/builder/call-site.ts";
import type { GuestDescription } from "../description/description.ts";
import { exceptionStubs, stubLabel } from "../descriptors/index.ts";
import { LayoutError } from "../layout-error.ts";
import type { GuestSpace } from "../memory/address-space.ts";
import { findPlace } from "../memory/places.ts";
import { valueOf } from "./labels.ts";
import { gateBits } from "./planned-entry.ts";
import { vectorsOf, type PlannedIdt } from "./idt.ts";

/** What the stubs are called as a program, and what the names of their labels begin with. */
export const stubsProgram = { name: "idt stubs", path: "idt.stubs" } as const;

/** The stubs of a description, before they have their place. */
export interface StubCode {
  readonly code: AnyCode;
  /** In bytes. */
  readonly size: number;
}

/** The stubs, and where they go. */
export interface PlannedStubs {
  readonly code: AnyCode;
  readonly placement: { readonly in: string; readonly offset: bigint };
}

/** The stubs of a description; `undefined` where the gates lead to the handlers themselves. */
export async function stubsOf(description: GuestDescription): Promise<StubCode | undefined> {
  const stubs = description.idt?.stubs;
  if (stubs === undefined) return undefined;
  const bits = gateBits(description);
  if (description.mode === "real16" || bits === 16) {
    throw new LayoutError(`idt.stubs: there are none for ${description.mode}`, { code: "INCONSISTENT", value: stubs });
  }
  const vectors = vectorsOf(description);
  const handlers: Readonly<Record<number, string>> = Object.fromEntries(
    vectors.flatMap(({ vector, description: each }) => ("handler" in each ? [[vector, each.handler]] : [])),
  );
  const labels = new Map(labelsIn(description).map((name) => [name, 0n]));
  for (const { path, description: each } of vectors) if ("handler" in each) valueOf(labels, path, each.handler);
  const code: AnyCode = withoutCallSites(() => exceptionStubs(bits, handlers));
  // Calls of handlers have one size, so the stubs have the same size wherever they and the handlers lie.
  const symbols = Object.fromEntries(undefinedLabels(code).map((name) => [name, 0n]));
  const { bytes } = await assemble(code, { origin: 0n, symbols });
  return { code, size: bytes.length };
}

/** The stubs at their place. */
export function planStubs(
  { idt }: GuestDescription,
  stubs: StubCode | undefined,
  { places, placed }: GuestSpace,
): PlannedStubs | undefined {
  if (stubs === undefined) return undefined;
  const { in: name } = idt!.stubs!;
  const place = findPlace(places, name, "idt.stubs.in");
  return { code: stubs.code, placement: { in: name, offset: placed.get("idt.stubs")!.phys - place.phys } };
}

/** The programs and their labels, by the names that vectors have for them. */
function labelsIn({ place }: GuestDescription): readonly string[] {
  return Object.entries(place).flatMap(([name, { code }]) => [
    `place.${name}`,
    ...definedLabels(code).map((label) => `place.${name}.${label}`),
  ]);
}

/** The addresses of the stubs, by vector. */
export function stubAddresses(
  { vectors }: PlannedIdt,
  symbols: ReadonlyMap<string, bigint>,
): ReadonlyMap<number, bigint> {
  const stubbed = vectors.filter(({ description }) => "handler" in description);
  return new Map(stubbed.map(({ vector }) => [vector, symbols.get(`idt.stubs.${stubLabel(vector)}`)!]));
}
