/** The instructions that a prefix can precede. */

/** The instructions that `rep` can precede: SDM vol. 2B, REP/REPE/REPZ/REPNE/REPNZ. */
export type Repeatable =
  | "insb"
  | "insw"
  | "insd"
  | "outsb"
  | "outsw"
  | "outsd"
  | "movsb"
  | "movsw"
  | "movsd"
  | "movsq"
  | "lodsb"
  | "lodsw"
  | "lodsd"
  | "lodsq"
  | "stosb"
  | "stosw"
  | "stosd"
  | "stosq";
/** The string instructions that compare, so that `repe` and `repne` make sense before them. */
export type Comparing = "cmpsb" | "cmpsw" | "cmpsd" | "cmpsq" | "scasb" | "scasw" | "scasd" | "scasq";
/** The instructions that `lock` can precede where they write memory: SDM vol. 2A, LOCK. */
export type Lockable =
  | "adc"
  | "add"
  | "and"
  | "btc"
  | "btr"
  | "bts"
  | "cmpxchg"
  | "cmpxchg16b"
  | "cmpxchg8b"
  | "dec"
  | "inc"
  | "neg"
  | "not"
  | "or"
  | "sbb"
  | "sub"
  | "xadd"
  | "xchg"
  | "xor";
