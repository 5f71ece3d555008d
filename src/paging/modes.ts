/**
 * The four paging modes as data. The builder, the walker and the reader each go over these rows; none of them has a
 * branch for a mode. Names are the manual's (SDM vol. 3A, chapter 4: 4.3 32-bit, 4.4 PAE, 4.5 4-level and 5-level).
 */

/** A paging mode of the CPU, named as SDM vol. 3A, 4.1.1 names them. */
export type PagingMode = "32-bit" | "pae" | "4-level" | "5-level";

/** The size of a page. 4 MiB exists in 32-bit paging only, 2 MiB everywhere else, 1 GiB in 4- and 5-level paging. */
export type PageSize = "4KiB" | "2MiB" | "4MiB" | "1GiB";

/** A paging structure: PML5 table, PML4 table, page-directory-pointer table, page directory, page table. */
export type TableName = "PML5" | "PML4" | "PDPT" | "PD" | "PT";

/** An entry of a paging structure. */
export type EntryName = "PML5E" | "PML4E" | "PDPTE" | "PDE" | "PTE";

/** The bits from the first to the last, both included, counted from 0. */
export type BitRange = readonly [first: number, last: number];

/** One level of a mode: a kind of table, and the rules for the entries in it. */
export interface PagingLevel {
  readonly table: TableName;
  readonly entry: EntryName;
  /** The lowest bit of the virtual address that selects an entry here. */
  readonly shift: number;
  /** How many bits of the virtual address select an entry here. */
  readonly indexBits: number;
  /** The size of the page that an entry here can map; `undefined` where every entry refers to a table. */
  readonly page: PageSize | undefined;
  /** The bit of a page's entry that holds the PAT bit (SDM vol. 3A, 4.9.2). */
  readonly patBit: 7 | 12;
  /** Whether R/W, U/S and XD exist here: a PAE PDPTE has none of them (SDM vol. 3A, 4.4.1). */
  readonly permissions: boolean;
  /** Bits that must be zero in an entry that refers to a table. */
  readonly reservedInTable: readonly BitRange[];
  /** The same, on AMD only: bit 8 above the page directory (APM vol. 2, 5.3.3). */
  readonly reservedInTableOnAmd: readonly BitRange[];
  /** Bits that must be zero in an entry that maps a page. */
  readonly reservedInPage: readonly BitRange[];
  /** The last of the bits MAXPHYADDR and up that must be zero; 0 where there are none. */
  readonly reservedUpTo: number;
  /** Whether bits 13 to 20 of a page's entry hold the physical address's bits 32 to 39 (PSE-36, SDM vol. 3A, 4.3). */
  readonly pse36: boolean;
}

/** One paging mode. */
export interface PagingModeRules {
  readonly mode: PagingMode;
  /** The width of a virtual address in bits. Where it is more than 32, addresses are canonical. */
  readonly virtualBits: 32 | 48 | 57;
  /** The widest physical address that any page can have, in bits. */
  readonly physicalBits: 40 | 52;
  /** The widest physical address of a table and of a 4 KiB page, in bits. */
  readonly tableBits: 32 | 52;
  /** The widest address of the root table: CR3 has 32 bits outside of long mode. */
  readonly rootBits: 32 | 52;
  /** CR3 holds the root's address from this bit up: a PAE PDPT is aligned to 32 bytes, other roots to 4096. */
  readonly rootShift: 5 | 12;
  /** The size of an entry in bytes. */
  readonly entryBytes: 4 | 8;
  /** How many software bits an entry has: bits 9 to 11 everywhere, bits 52 to 58 in 4- and 5-level paging too. */
  readonly softwareBits: 3 | 10;
  /** Whether entries have XD (bit 63). */
  readonly executeDisable: boolean;
  /** Whether pages have a protection key (bits 59 to 62). */
  readonly protectionKeys: boolean;
  /** Whether the root may refer to itself: entries of the root and of the next level have the same form. */
  readonly recursion: boolean;
  /** From the root down to the page table. */
  readonly levels: readonly PagingLevel[];
}

const plain: PagingLevel = {
  table: "PT",
  entry: "PTE",
  shift: 12,
  indexBits: 9,
  page: "4KiB",
  patBit: 7,
  permissions: true,
  reservedInTable: [],
  reservedInTableOnAmd: [],
  reservedInPage: [],
  reservedUpTo: 51,
  pse36: false,
};
const large = { patBit: 12 } as const;
const pml5: PagingLevel = {
  ...plain,
  table: "PML5",
  entry: "PML5E",
  shift: 48,
  page: undefined,
  reservedInTable: [[7, 7]],
  reservedInTableOnAmd: [[8, 8]],
};
const pml4: PagingLevel = { ...pml5, table: "PML4", entry: "PML4E", shift: 39 };
const pdpt: PagingLevel = {
  ...plain,
  ...large,
  table: "PDPT",
  entry: "PDPTE",
  shift: 30,
  page: "1GiB",
  reservedInTableOnAmd: [[8, 8]],
  reservedInPage: [[13, 29]],
};
const pd: PagingLevel = {
  ...plain,
  ...large,
  table: "PD",
  entry: "PDE",
  shift: 21,
  page: "2MiB",
  reservedInPage: [[13, 20]],
};
const long = {
  physicalBits: 52,
  tableBits: 52,
  rootBits: 52,
  rootShift: 12,
  entryBytes: 8,
  softwareBits: 10,
  executeDisable: true,
  protectionKeys: true,
  recursion: true,
} as const;

/** The rules of every paging mode. */
export const pagingModes: Readonly<Record<PagingMode, PagingModeRules>> = {
  "32-bit": {
    mode: "32-bit",
    virtualBits: 32,
    physicalBits: 40,
    tableBits: 32,
    rootBits: 32,
    rootShift: 12,
    entryBytes: 4,
    softwareBits: 3,
    executeDisable: false,
    protectionKeys: false,
    recursion: true,
    levels: [
      {
        ...plain,
        ...large,
        table: "PD",
        entry: "PDE",
        shift: 22,
        indexBits: 10,
        page: "4MiB",
        // With MAXPHYADDR below 40 the unused ones of bits 13 to 20 join it: SDM vol. 3A, table 4-4.
        reservedInPage: [[21, 21]],
        reservedUpTo: 0,
        pse36: true,
      },
      { ...plain, indexBits: 10, reservedUpTo: 0 },
    ],
  },
  pae: {
    mode: "pae",
    virtualBits: 32,
    physicalBits: 52,
    tableBits: 52,
    rootBits: 32,
    rootShift: 5,
    entryBytes: 8,
    softwareBits: 3,
    executeDisable: true,
    protectionKeys: false,
    recursion: false,
    levels: [
      {
        ...plain,
        table: "PDPT",
        entry: "PDPTE",
        shift: 30,
        indexBits: 2,
        page: undefined,
        permissions: false,
        reservedInTable: [
          [1, 2],
          [5, 8],
          [63, 63],
        ],
        reservedUpTo: 63,
      },
      { ...pd, reservedUpTo: 62 },
      { ...plain, reservedUpTo: 62 },
    ],
  },
  "4-level": { mode: "4-level", virtualBits: 48, ...long, levels: [pml4, pdpt, pd, plain] },
  "5-level": { mode: "5-level", virtualBits: 57, ...long, levels: [pml5, pml4, pdpt, pd, plain] },
};

/** The size of every kind of page, in bytes. */
export const pageBytes: Readonly<Record<PageSize, bigint>> = {
  "4KiB": 0x1000n,
  "2MiB": 0x20_0000n,
  "4MiB": 0x40_0000n,
  "1GiB": 0x4000_0000n,
};

/** The size of a table, in bytes; a PAE PDPT uses the first 32 of them. Tables are aligned to it. */
export const tableBytes = 4096;
