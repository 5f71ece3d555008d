/** The sections that text names, and what they are for. */

/** What a section is for. */
export interface SectionKind {
  readonly name: string;
  /** Whether gaps in it are filled with instructions. */
  readonly isCode: boolean;
  /** Whether it holds no bits of its own, only zeros: `.bss`. */
  readonly isZero: boolean;
}

/** What GNU as gives sections by their names. */
const known: readonly { readonly pattern: RegExp; readonly flags: string; readonly isZero: boolean }[] = [
  { pattern: /^\.(text|init|fini)($|\.)/, flags: "ax", isZero: false },
  { pattern: /^\.(bss|tbss)($|\.)/, flags: "aw", isZero: true },
];

/** The section of a name, with the flags and the type that text gives it. */
export function sectionKind(name: string, flags: string | undefined, type: string | undefined): SectionKind {
  const row = known.find(({ pattern }) => pattern.test(name));
  return {
    name,
    isCode: (flags ?? row?.flags ?? "").includes("x"),
    isZero: type === undefined ? (row?.isZero ?? false) : type === "nobits",
  };
}
