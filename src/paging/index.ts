export { buildPageTables, countTables } from "./build-tables.ts";
export * from "./control-registers.ts";
export type * from "./description.ts";
export { diff, type ChangedField, type ComparedRange, type RangeChange } from "./diff.ts";
export * from "./entry-bits.ts";
export type { Exemption, ExemptionReason } from "./exemption.ts";
export { PF_I, PF_P, PF_PK, PF_RSVD, PF_U, PF_W, type Fault, type FaultReason, type MemoryAccess } from "./fault.ts";
export { lint, type Lint, type LintCode } from "./lint.ts";
export { higherHalf, identityMap, offsetMap } from "./maps.ts";
export {
  addressSpaceOf,
  memoryOf,
  type AddressGap,
  type AddressSpace,
  type MemoryChunk,
  type PhysicalMemory,
} from "./memory.ts";
export * from "./modes.ts";
export { PagingError, type PagingErrorCode } from "./paging-error.ts";
export { defaultBudget } from "./plan.ts";
export { ranges, type AddressRanges, type MappedRange } from "./ranges.ts";
export { readDescription, type ReadDescription } from "./read-description.ts";
export { tablePages, type TablePage, type TableProblem } from "./read-tables.ts";
export { addressSpaceToSvg } from "./svg.ts";
export { rangesToText, tablesToText } from "./text.ts";
export { walk, type Walk } from "./walk.ts";
export type { WalkedPage, WalkStep } from "./walk-state.ts";
