/** The words before `ptr`. */

/** The sizes of memory operands, in bits, by the words before `ptr`. */
export const memorySizes: Readonly<Record<string, number>> = {
  byte: 8,
  word: 16,
  dword: 32,
  fword: 48,
  qword: 64,
  mmword: 64,
  tbyte: 80,
  xword: 80,
  oword: 128,
  xmmword: 128,
  ymmword: 256,
  zmmword: 512,
};
