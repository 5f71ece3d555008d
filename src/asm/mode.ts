/** The size of code: what a code segment's D and L bits select, in bits (SDM vol. 3A, 3.4.5). */
export type Mode = 16 | 32 | 64;

/** All three modes, in ascending order. */
export const modes: readonly Mode[] = [16, 32, 64];
