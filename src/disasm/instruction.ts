/** An instruction, read from its bytes. */
export interface Instruction {
  /** The address of its first byte: branches and RIP-relative operands are counted from it. */
  readonly address: bigint;
  /** 1 to 15 bytes. */
  readonly bytes: Uint8Array;
  /** In Intel syntax, with addresses for labels: `mov byte [rsi+0x4], 0x12`. */
  readonly text: string;
}
