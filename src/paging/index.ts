export * from "./control-registers.ts";
export type * from "./description.ts";
export * from "./entry-bits.ts";
export { addressSpaceOf, memoryOf, type AddressSpace, type MemoryChunk, type PhysicalMemory } from "./memory.ts";
export * from "./modes.ts";
export { PagingError, type PagingErrorCode } from "./paging-error.ts";
export { buildPageTables, countTables } from "./build-tables.ts";
export { defaultBudget } from "./plan.ts";
