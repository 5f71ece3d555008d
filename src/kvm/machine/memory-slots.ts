/** From the regions of an image to the memory slots of a VM. Pure. */
import { hex } from "../../core/hex.ts";
import { show } from "../../core/show.ts";
import type { MemoryRegion } from "../../layout/image.ts";
import { memoryFlags } from "../abi/constants.ts";
import type { UserMemoryRegion } from "../calls/vm-memory.ts";
import { badArgument } from "../kvm-error.ts";
import { requireObject } from "../shapes.ts";

type Alias = Extract<MemoryRegion, { kind: "alias" }>;
type Other = Exclude<MemoryRegion, Alias>;

/** The flags of a slot, for the kinds of region that have one of their own. */
const flagsOf: Readonly<Record<Other["kind"], number | undefined>> = {
  ram: 0,
  rom: memoryFlags.KVM_MEM_READONLY,
  mmio: undefined,
  reserved: undefined,
};

const kindNames: readonly string[] = Object.keys(flagsOf);

/**
 * The slots, in an order in which a VM takes them: an alias after what it shows. A slot's number is its region's place.
 * Throws {@link KvmError} `BAD_ARGUMENT` for a region that makes no sense.
 */
export function slotsOf(memory: readonly MemoryRegion[]): readonly UserMemoryRegion[] {
  const own: UserMemoryRegion[] = [];
  const shared: UserMemoryRegion[] = [];
  for (const [slot, region] of memory.entries()) requireRegion(`memory region ${slot}`, region);
  for (const [slot, region] of memory.entries()) {
    const { kind, at: guestPhysAddr, size: memorySize } = region;
    if (kind !== "alias" && !kindNames.includes(kind)) {
      const hint = `a region is one of: ${kindNames.join(", ")}, alias`;
      throw badArgument(`memory region ${slot} is of no kind: ${show(kind)}`, region, hint);
    }
    if (memorySize === 0n) throw badArgument(`memory region ${slot} at ${hex(guestPhysAddr)} is empty`, region);
    const place = { slot, guestPhysAddr, memorySize };
    const flags = kind === "alias" ? undefined : flagsOf[kind];
    if (kind === "alias") shared.push({ ...place, ...sharing(region, memory) });
    else if (flags !== undefined) own.push({ ...place, flags });
  }
  return [...own, ...shared];
}

/** Throws {@link KvmError} `BAD_ARGUMENT` for what is no region, or one without numbers for its place. */
function requireRegion(what: string, region: MemoryRegion): void {
  const { at, size } = requireObject(what, region);
  for (const [name, value] of Object.entries<unknown>({ at, size })) {
    if (typeof value !== "bigint") throw badArgument(`${what}: ${name} is no bigint: ${show(value)}`, region);
  }
}

/** Whose memory an alias shows; it is as read-only as that. */
function sharing(alias: Alias, memory: readonly MemoryRegion[]): Pick<UserMemoryRegion, "flags" | "shared"> {
  const backed = memory.filter((each): each is Other => each.kind !== "alias" && flagsOf[each.kind] !== undefined);
  const region = backed.find(({ name }) => name === alias.of);
  if (region === undefined) {
    throw badArgument(
      `memory region ${show(alias.name)} is an alias of ${show(alias.of)}, which is no memory`,
      alias,
      backed.length === 0
        ? "there is no memory at all"
        : `memory is ${backed.map(({ name }) => show(name)).join(", ")}`,
    );
  }
  return { flags: flagsOf[region.kind]!, shared: { slot: memory.indexOf(region), offset: alias.offset } };
}
