/** Directives by which text reports something: only an error is heard. */
import type { Directive, DirectiveReader } from "./directive.ts";
import { readString } from "./directives-data.ts";

const decoder = new TextDecoder();

/** The directives of this file. */
export const reportDirectives: Readonly<Record<string, DirectiveReader>> = {
  ".error": readError,
  ".err": ({ cursor, token }) => {
    cursor.expectEnd();
    throw cursor.error("the text has an error here: .err", { token });
  },
  ".warning": (directive) => void message(directive),
  ".print": (directive) => void message(directive),
};

/** `.error "what is wrong"`. */
function readError(directive: Directive): void {
  const { cursor, token } = directive;
  throw cursor.error(cursor.atEnd ? "the text has an error here: .error" : message(directive), { token });
}

function message({ cursor }: Directive): string {
  const bytes = readString(cursor);
  cursor.expectEnd();
  return decoder.decode(Uint8Array.from(bytes));
}
