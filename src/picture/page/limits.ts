/**
 * How much of an image the page shows. A browser must be able to open it, whatever the size of the guest: what is left out
 * is counted where it would stand.
 */
export const limits = {
  /** Ranges drawn in one map. */
  mapRanges: 2000,
  /** Rows of one table. */
  rows: 1000,
  /** Tables and entries in the tree of page tables. */
  treeNodes: 4000,
  /** Those below one table. */
  treeChildren: 128,
  /** Lines of all listings together. */
  listingLines: 10_000,
  /** Bytes of one statement's data. */
  statementBytes: 256,
  /** Bytes of one chunk's hexdump. */
  dumpBytes: 0x4000,
  /** Bytes of all hexdumps together. */
  allDumpBytes: 0x10_0000,
  /** Exits of a run. */
  exits: 2000,
} as const;
