/** What a matcher tells Vitest. */
export interface MatcherResult {
  readonly pass: boolean;
  /** Why the expectation fails; of one with `not`, if the matcher passes. */
  readonly message: () => string;
}
