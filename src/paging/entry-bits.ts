/** The bits of a paging-structure entry (SDM vol. 3A, tables 4-4 to 4-20). */

/** P: the entry is valid. All its other bits are the guest's own where this is clear. */
export const PTE_P = 0x1n;
/** R/W: writes are allowed. Not in a PAE PDPTE. */
export const PTE_RW = 0x2n;
/** U/S: user-mode accesses are allowed. Not in a PAE PDPTE. */
export const PTE_US = 0x4n;
/** PWT: page-level write-through, bit 0 of the PAT index. */
export const PTE_PWT = 0x8n;
/** PCD: page-level cache disable, bit 1 of the PAT index. */
export const PTE_PCD = 0x10n;
/** A: the CPU has used the entry. Not in a PAE PDPTE. */
export const PTE_A = 0x20n;
/** D: the CPU has written to the page. In entries that map a page only. */
export const PTE_D = 0x40n;
/** PS: the entry maps a page instead of referring to a table. In a PDE and a PDPTE only; reserved above those. */
export const PTE_PS = 0x80n;
/** G: the translation survives a reload of CR3 while CR4.PGE is set. In entries that map a page only. */
export const PTE_G = 0x100n;
/** PAT: bit 2 of the PAT index in the entry of a 4 KiB page. */
export const PTE_PAT = 0x80n;
/** PAT: bit 2 of the PAT index in the entry of a 2 MiB, 4 MiB or 1 GiB page. */
export const PTE_PAT_LARGE = 0x1000n;
/** XD, which AMD and most software call NX: instructions are not fetched. Reserved while EFER.NXE is clear. */
export const PTE_NX = 0x8000_0000_0000_0000n;
