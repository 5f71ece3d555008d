/** How much macros and repetitions may make: beyond it a slip of the pen is likelier than the wish. */
interface Limits {
  /** Statements in all, and the times that the innermost repetition is read. */
  readonly statements: number;
  /** Calls of macros in all. */
  readonly calls: number;
  /** UTF-16 units in all. */
  readonly characters: number;
  /** How deep they nest: as deep as in GNU as. */
  readonly nesting: number;
}

/** Of one text. */
export const limits: Limits = {
  statements: 1_000_000,
  calls: 200_000,
  characters: 2 * 2 ** 20,
  nesting: 101,
};
