/** Where in the author's source something was written. */
export interface SourceLocation {
  /** The file, relative to the package that holds it, with `/` between its parts. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** Of what a macro of assembly text made: the call that it was made for. The place itself is in the macro's body. */
  readonly expandedFrom?: MacroCall | undefined;
}

/** Where a macro was called. A call that another macro made has been expanded from that macro's call in turn. */
export interface MacroCall extends SourceLocation {
  /** The macro's name as its definition has it. */
  readonly macro: string;
}

/** The files that the text of a place can name. */
export function sourceFiles(source: SourceLocation | undefined): string[] {
  return source === undefined ? [] : [source.file, ...sourceFiles(source.expandedFrom)];
}

/** A place in one line: `guest.ts:14`; of what macros of text made, with the call that the author wrote: `guest.s:4 in isr of guest.s:12`. */
export function sourceToText({ file, line, expandedFrom }: SourceLocation): string {
  const place = `${file}:${line}`;
  if (expandedFrom === undefined) return place;
  let outermost = expandedFrom;
  while (outermost.expandedFrom !== undefined) outermost = outermost.expandedFrom;
  return `${place} in ${outermost.macro} of ${outermost.file}:${outermost.line}`;
}
