/** The walker: what the CPU does with an address, step by step, and why it faults. Shares no code with the builder. */
import type { VirtAddr } from "../core/address.ts";
import { pagingModeOf } from "./control-registers.ts";
import { faultOf, type Fault, type MemoryAccess } from "./fault.ts";
import { exemptionOf, type Exemption } from "./exemption.ts";
import { holeAt, mappingNameAt } from "./mapping-name.ts";
import type { AddressSpace } from "./memory.ts";
import type { PagingMode } from "./modes.ts";
import { PagingError, show } from "./paging-error.ts";
import { walkRulesOf } from "./walk-rules.ts";
import type { WalkedPage, WalkState, WalkStep } from "./walk-state.ts";

/** The outcome of a walk. */
export interface Walk {
  readonly address: VirtAddr;
  /** `"off"` while CR0.PG is clear: addresses are physical then. */
  readonly mode: PagingMode | "off";
  /** The entries read, from the root down; none where the address is not canonical. */
  readonly steps: readonly WalkStep[];
  /** The page, where the walk reaches one, whether or not the access is allowed. */
  readonly page: WalkedPage | undefined;
  /** What the CPU does instead of the access; `undefined` where the access succeeds. */
  readonly fault: Fault | undefined;
  /** Why the access succeeds although the page's rights forbid it; `undefined` where they allow it, and where it faults. */
  readonly exemption: Exemption | undefined;
  /** The name of the mapping that the address belongs to, where the address space says it. */
  readonly mapping: string | undefined;
  /**
   * What the address is that leads to no page and belongs to no mapping, in words: a gap such as
   * `guard page below stack "main"`, or `between "text" and "data"`. `undefined` where the address space names nothing.
   */
  readonly hole: string | undefined;
}

const scratch = new BigUint64Array(1);
const scratchWords = new Uint32Array(scratch.buffer);

/** Two words as one number: through memory, which makes one bigint instead of three. */
function join(low: number, high: number): bigint {
  scratchWords[0] = low;
  scratchWords[1] = high;
  return scratch[0]!;
}

/**
 * Walks the page tables as the CPU does for one access to one address, and says what it does: the entries it reads, the
 * page it finds, and the fault it raises with its error code and reason (SDM vol. 3A, 4.3 to 4.7).
 *
 * It changes nothing: accessed and dirty bits stay as they are.
 *
 * @param access a supervisor read where not given
 * @throws PagingError `BAD_ARGUMENT` where the address has more bits than the mode's registers
 * @example
 * ```ts
 * const { fault } = walk(space, 0x0n, "write");
 * fault?.message; // 'a supervisor write to 0x0 ("text") raises #PF(0x3): R/W (bit 1) is clear in PTE 0x4001 at 0x3000'
 * ```
 */
export function walk(
  space: AddressSpace,
  address: VirtAddr,
  access: MemoryAccess | MemoryAccess["kind"] = "read",
): Walk {
  const asked = typeof access === "string" ? { kind: access } : access;
  const { cpu } = space;
  const mode = pagingModeOf(cpu);
  const bits = mode === "4-level" || mode === "5-level" ? 64n : 32n;
  if (typeof address !== "bigint" || address < 0n || address >> bits !== 0n) {
    throw new PagingError(`cannot walk to ${show(address)}: with paging mode ${mode}, addresses have ${bits} bits`, {
      code: "BAD_ARGUMENT",
      value: address,
    });
  }
  const mapping = mappingNameAt(space, address);
  const nothing = { steps: [], page: undefined, fault: undefined, exemption: undefined, hole: undefined };
  if (mode === "off") return { ...nothing, address, mode, mapping };
  const { rules, levels } = walkRulesOf(mode, cpu);
  const low = Number(BigInt.asUintN(32, address));
  const high = Number(address >> 32n);
  const state: WalkState = { steps: [], levels, low: [], high: [], end: "page" };
  // The bits from virtualBits - 1 up are all equal, in a word of which they are the upper part.
  const sign = (high | 0) >> (rules.virtualBits - 33);
  if (rules.virtualBits > 32 && sign !== 0 && sign !== -1) {
    const fault = faultOf(space, address, asked, undefined, { mapping, hole: undefined });
    return { ...nothing, address, mode, fault, mapping };
  }
  const page = descend(space, state, rules.entryBytes, rootOf(cpu.cr3, rules.rootBits, rules.rootShift), low, high);
  const hole = page === undefined && mapping === undefined ? holeAt(space, address) : undefined;
  const owner = { mapping, hole };
  const fault = faultOf(space, address, asked, { state, page }, owner);
  const exemption =
    fault === undefined && page !== undefined ? exemptionOf(space, address, asked, { state, page }, owner) : undefined;
  return { address, mode, steps: state.steps, page, fault, exemption, mapping, hole };
}

/** The root table's physical address, without the flags and the PCID that CR3 holds too. */
export function rootOf(cr3: bigint, bits: number, shift: number): number {
  const low = Number(BigInt.asUintN(32, cr3));
  const high = bits === 32 ? 0 : Number(BigInt.asUintN(20, cr3 >> 32n));
  return high * 0x1_0000_0000 + (((low >>> shift) << shift) >>> 0);
}

function descend(
  space: AddressSpace,
  state: WalkState,
  entryBytes: 4 | 8,
  root: number,
  low: number,
  high: number,
): WalkedPage | undefined {
  const { readU32 } = space.memory;
  let table = root;
  let write = true;
  let user = true;
  let execute = true;
  for (const rules of state.levels) {
    const { level, shift } = rules;
    const index =
      (shift >= 32 ? high >>> (shift - 32) : shift === 0 ? low : (high << (32 - shift)) | (low >>> shift)) &
      rules.indexMask;
    const at = table + index * entryBytes;
    const entryLow = readU32(at);
    const entryHigh = entryBytes === 4 ? 0 : readU32(at + 4);
    if (entryLow === undefined || entryHigh === undefined) {
      state.steps.push({ entry: level.entry, index, at: BigInt(at), value: undefined });
      state.end = "no-memory";
      return undefined;
    }
    state.steps.push({
      entry: level.entry,
      index,
      at: join(at >>> 0, Math.floor(at / 0x1_0000_0000)),
      value: join(entryLow, entryHigh),
    });
    state.low.push(entryLow);
    state.high.push(entryHigh);
    if ((entryLow & 1) === 0) {
      state.end = "not-present";
      return undefined;
    }
    const isPage = rules.maps === "always" || (rules.maps === "with PS" && (entryLow & 0x80) !== 0);
    if (
      isPage
        ? (entryLow & rules.pageLow) | (entryHigh & rules.pageHigh)
        : (entryLow & rules.tableLow) | (entryHigh & rules.tableHigh)
    ) {
      state.end = "reserved";
      return undefined;
    }
    if (level.permissions) {
      write &&= (entryLow & 2) !== 0;
      user &&= (entryLow & 4) !== 0;
      // Bit 63 would have been reserved with EFER.NXE clear.
      execute &&= entryHigh < 0x8000_0000;
    }
    if (isPage) {
      const offset = 2 ** shift - 1;
      const upper = level.pse36 ? (entryLow >>> 13) & 0xff : entryHigh & 0xf_ffff;
      return {
        phys: join(((entryLow & ~offset) | (low & offset)) >>> 0, upper),
        pageSize: level.page!,
        access: write ? (execute ? "rwx" : "rw") : execute ? "rx" : "r",
        user,
        global: (entryLow & 0x100) !== 0,
        dirty: (entryLow & 0x40) !== 0,
        pat: ((entryLow >>> level.patBit) & 1) * 4 + ((entryLow >>> 3) & 3),
        key: state.levels.length >= 4 ? (entryHigh >>> 27) & 15 : 0,
      };
    }
    table = (entryHigh & 0xf_ffff) * 0x1_0000_0000 + ((entryLow & 0xffff_f000) >>> 0);
  }
  return undefined;
}
