/** Whether the first instruction and the first push would fault: the page walk that the CPU will make, made before. */
import type { VirtAddr } from "../../core/address.ts";
import { pagingModeOf, walk, type AddressSpace, type FaultReason } from "../../paging/index.ts";
import type { CpuState } from "../cpu-state.ts";
import type { ImageMapping } from "../image.ts";
import { LayoutError } from "../layout-error.ts";
import { pointerBits } from "../memory/stacks.ts";

/**
 * Throws unless the CPU can fetch its first instruction and, where it has a stack, push to it.
 *
 * @param stack the name of the stack that RSP is the end of
 */
export function requireReachable(
  space: AddressSpace & { readonly mappings: readonly ImageMapping[] },
  { regs, segments }: CpuState,
  stack: string | undefined,
): void {
  if (pagingModeOf(space.cpu) === "off") return;
  const cpl = segments.cs.dpl;
  const isLong = segments.cs.l === 1;
  const linear = (offset: VirtAddr, base: VirtAddr): VirtAddr => (isLong ? offset : BigInt.asUintN(32, base + offset));
  const first = linear(regs.rip, segments.cs.base);
  const fetch = walk(space, first, { kind: "fetch", cpl }).fault;
  if (fetch !== undefined)
    throw new LayoutError(`entry: ${fetch.message}`, {
      code: "NOT_EXECUTABLE",
      value: first,
      hint: fetchHint(fetch.reason, mappingName(space.mappings, first)),
    });
  if (stack === undefined) return;
  const width = isLong ? 64 : pointerBits(segments.ss);
  const top = linear(BigInt.asUintN(width, regs.rsp - 1n), segments.ss.base);
  const push = walk(space, top, { kind: "write", cpl }).fault;
  if (push !== undefined) throw new LayoutError(`stack: ${push.message}`, { code: "INCONSISTENT", value: stack });
}

function mappingName(mappings: readonly ImageMapping[], address: bigint): string {
  const mapping = mappings.find(({ virt, size }) => virt <= address && address < virt + size);
  return mapping === undefined ? "the mapping" : `paging.map.${mapping.name}`;
}

function fetchHint(reason: FaultReason, mapping: string): string {
  if (reason === "supervisor-only") return `set user of ${mapping}, or start with a code segment of dpl 0`;
  if (reason === "smep") return `leave user out of ${mapping}, or clear SMEP (bit 20) in cpu.cr4`;
  return `the first instruction needs ${mapping} to be there with access "rx" or "rwx"`;
}
