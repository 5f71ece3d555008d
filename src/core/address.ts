/**
 * Addresses of the guest, in bytes. Virtual and physical addresses are different types: a plain bigint goes where
 * either is wanted, but one kind never goes where the other is.
 */

/** A guest-physical address, in bytes: 0 to 2^52 - 1 (MAXPHYADDR is at most 52: SDM vol. 3A, 4.1.4). */
export type PhysAddr = bigint & { valueOf(): bigint; readonly __space?: "physical" };

/** A guest-virtual (linear) address, in bytes: 0 to 2^64 - 1, canonical in long mode (SDM vol. 1, 3.3.7.1). */
export type VirtAddr = bigint & { valueOf(): bigint; readonly __space?: "virtual" };
