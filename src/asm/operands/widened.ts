/**
 * How the compiler is kept from telling one number from another. Where a type parameter's constraint holds `number`, each
 * number in a call is a type of its own, and the call is checked anew for each. Where it holds the interface `Number`,
 * which every number has too, the argument's type is `number`, and calls that differ in numbers only share one check.
 */

/** Any number or bigint, as its interface. */
// oxlint-disable-next-line typescript/no-wrapper-object-types -- see above
export type AnyNumber = Number | BigInt;

/** `T` with its numbers as {@link AnyNumber}: for the constraints of type parameters. */
export type Widened<T> = T extends number | bigint ? AnyNumber : T;
