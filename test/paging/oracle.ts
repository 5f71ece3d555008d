/**
 * A page walk after SDM vol. 3A, 4.3 to 4.6, written from the manual's figures in bigint arithmetic. It shares no code
 * with `src`: not the table of modes, not the bits, not the reader of memory.
 */

export interface OraclePage {
  readonly phys: bigint;
  readonly write: boolean;
  readonly user: boolean;
  readonly execute: boolean;
  readonly global: boolean;
  readonly pat: number;
  readonly key: number;
  /** log2 of the page's size. */
  readonly pageShift: number;
  /** The entry that maps the page. */
  readonly entry: bigint;
}

const bit = (value: bigint, index: bigint): boolean => ((value >> index) & 1n) === 1n;
const field = (value: bigint, last: bigint, first: bigint): bigint =>
  (value >> first) & ((1n << (last - first + 1n)) - 1n);

function reader(bytes: Uint8Array, base: bigint) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    four: (at: bigint): bigint => BigInt(view.getUint32(Number(at - base), true)),
    eight: (at: bigint): bigint => view.getBigUint64(Number(at - base), true),
  };
}

/** 32-bit paging: SDM vol. 3A, 4.3, figures 4-2 to 4-4, with CR4.PSE set and MAXPHYADDR at least 40. */
function walk32(bytes: Uint8Array, cr3: bigint, address: bigint): OraclePage | undefined {
  const { four } = reader(bytes, cr3);
  const pde = four((cr3 & 0xffff_f000n) | (field(address, 31n, 22n) << 2n));
  if (!bit(pde, 0n)) return undefined;
  if (bit(pde, 7n)) {
    return {
      phys: (field(pde, 20n, 13n) << 32n) | (field(pde, 31n, 22n) << 22n) | field(address, 21n, 0n),
      write: bit(pde, 1n),
      user: bit(pde, 2n),
      execute: true,
      global: bit(pde, 8n),
      pat: Number((field(pde, 12n, 12n) << 2n) | field(pde, 4n, 3n)),
      key: 0,
      pageShift: 22,
      entry: pde,
    };
  }
  const pte = four((pde & 0xffff_f000n) | (field(address, 21n, 12n) << 2n));
  if (!bit(pte, 0n)) return undefined;
  return {
    phys: (pte & 0xffff_f000n) | field(address, 11n, 0n),
    write: bit(pde, 1n) && bit(pte, 1n),
    user: bit(pde, 2n) && bit(pte, 2n),
    execute: true,
    global: bit(pte, 8n),
    pat: Number((field(pte, 7n, 7n) << 2n) | field(pte, 4n, 3n)),
    key: 0,
    pageShift: 12,
    entry: pte,
  };
}

/** Modes with 8-byte entries: 4.4 (PAE) and 4.5 (4- and 5-level). `top` is the lowest address bit of the root's index. */
function walk64(bytes: Uint8Array, cr3: bigint, address: bigint, top: 30n | 39n | 48n): OraclePage | undefined {
  const { eight } = reader(bytes, cr3);
  const pae = top === 30n;
  let table = pae ? cr3 & 0xffff_ffe0n : cr3 & 0x000f_ffff_ffff_f000n;
  let write = true;
  let user = true;
  let execute = true;
  for (let shift: bigint = top; shift >= 12n; shift -= 9n) {
    const entry = eight(table + (field(address, shift + (pae && shift === top ? 1n : 8n), shift) << 3n));
    if (!bit(entry, 0n)) return undefined;
    if (!(pae && shift === top)) {
      write &&= bit(entry, 1n);
      user &&= bit(entry, 2n);
      execute &&= !bit(entry, 63n);
    }
    const isPage = shift === 12n || (bit(entry, 7n) && shift <= (pae ? 21n : 30n));
    if (isPage) {
      const patBit = shift === 12n ? 7n : 12n;
      return {
        phys: (field(entry, 51n, shift) << shift) | field(address, shift - 1n, 0n),
        write,
        user,
        execute,
        global: bit(entry, 8n),
        pat: Number((field(entry, patBit, patBit) << 2n) | field(entry, 4n, 3n)),
        key: pae ? 0 : Number(field(entry, 62n, 59n)),
        pageShift: Number(shift),
        entry,
      };
    }
    table = field(entry, 51n, 12n) << 12n;
  }
  throw new Error("a walk passed its page table");
}

/** Translates an address by tables that lie contiguously from their root on; `undefined` where nothing is present. */
export function oracleWalk(mode: string, bytes: Uint8Array, cr3: bigint, address: bigint): OraclePage | undefined {
  if (mode === "32-bit") return walk32(bytes, cr3, address);
  return walk64(bytes, cr3, address, mode === "pae" ? 30n : mode === "4-level" ? 39n : 48n);
}
