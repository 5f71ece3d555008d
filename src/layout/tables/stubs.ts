/** The code between the gates of the IDT and the handlers, where a description asks for it. */
import { assemble, definedLabels, undefinedLabels, type AnyCode } from "../../asm/index.ts";
import { withoutCallSites } from "../../asm/builder/call-site.ts";
import type { GuestDescription } from "../description/description.ts";
import { exceptionStubs, stubLabel } from "../descriptors/index.ts";
import { LayoutError } from "../layout-error.ts";
import type { Place } from "../memory/places.ts";
import { findPlace } from "../memory/places.ts";
import type { TablePlaces } from "../memory/table-places.ts";
import { valueOf } from "./labels.ts";
import { gateBits } from "./planned-entry.ts";
import type { PlannedIdt } from "./idt.ts";

/** What the stubs are called as a program, and what the names of their labels begin with. */
export const stubsProgram = { name: "idt stubs", path: "idt.stubs" } as const;

/** The stubs, and where they go. */
export interface PlannedStubs {
  readonly code: AnyCode;
  readonly placement: { readonly in: string; readonly offset: bigint };
}

/** The stubs of a description; `undefined` where the gates lead to the handlers themselves. */
export async function planStubs(
  description: GuestDescription,
  idt: PlannedIdt | undefined,
  places: readonly Place[],
  tablePlaces: TablePlaces,
): Promise<PlannedStubs | undefined> {
  const stubs = description.idt?.stubs;
  if (idt === undefined || stubs === undefined) return undefined;
  const bits = gateBits(description);
  if (description.mode === "real16" || bits === 16) {
    throw new LayoutError(`idt.stubs: there are none for ${description.mode}`, { code: "INCONSISTENT", value: stubs });
  }
  const handlers: Readonly<Record<number, string>> = Object.fromEntries(
    idt.vectors.flatMap(({ vector, description: each }) => ("handler" in each ? [[vector, each.handler]] : [])),
  );
  const labels = new Map(labelsIn(description).map((name) => [name, 0n]));
  for (const { path, description: each } of idt.vectors) if ("handler" in each) valueOf(labels, path, each.handler);
  const code: AnyCode = withoutCallSites(() => exceptionStubs(bits, handlers));
  const place = findPlace(places, stubs.in, "idt.stubs.in");
  // Calls of handlers have one size, so the stubs have the same size wherever they and the handlers lie.
  const symbols = Object.fromEntries(undefinedLabels(code).map((name) => [name, place.virt]));
  const { bytes } = await assemble(code, { origin: place.virt, symbols });
  const { phys } = tablePlaces.find("idt.stubs", stubs, BigInt(bytes.length))!;
  return { code, placement: { in: stubs.in, offset: phys - place.phys } };
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
