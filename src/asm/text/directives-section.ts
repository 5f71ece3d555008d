/** Directives that choose the section and the mode, and those that say nothing about bytes. */
import type { Mode } from "../mode.ts";
import type { Cursor } from "./cursor.ts";
import type { Directive, DirectiveReader } from "./directive.ts";
import { readText } from "./literals.ts";
import { sectionKind } from "./section-table.ts";

/** The directives of this file. */
export const sectionDirectives: Readonly<Record<string, DirectiveReader>> = {
  ".section": readSection,
  ".pushsection": (directive) => {
    directive.program.push();
    readSection(directive);
  },
  ".popsection": ({ program, cursor, token }) => {
    cursor.expectEnd();
    if (!program.pop(cursor.site)) throw cursor.error(".popsection has no .pushsection before it", { token });
  },
  ".previous": ({ program, cursor }) => {
    cursor.expectEnd();
    program.goBack(cursor.site);
  },
  ".text": readShort,
  ".data": readShort,
  ".bss": readShort,
  ".rodata": readShort,
  ".code16": (directive) => readMode(directive, 16),
  ".code32": (directive) => readMode(directive, 32),
  ".code64": (directive) => readMode(directive, 64),
  ".intel_syntax": readSyntax,
  ...Object.fromEntries(
    [
      ...[".globl", ".global", ".local", ".weak", ".hidden", ".internal", ".protected", ".extern"],
      ...[".type", ".size", ".file", ".loc", ".ident", ".arch", ".code_model", ".line", ".version", ".intel_mnemonic"],
      ...[".noaltmacro", ".list", ".nolist", ".title", ".sbttl", ".psize", ".eject"],
      ...[".cfi_startproc", ".cfi_endproc", ".cfi_def_cfa_offset", ".cfi_offset", ".cfi_def_cfa_register"],
      ...[".cfi_def_cfa", ".cfi_restore", ".cfi_sections", ".cfi_adjust_cfa_offset"],
    ].map((name) => [name, (): void => {}]),
  ),
};

function readShort({ program, cursor, name }: Directive): void {
  cursor.expectEnd();
  program.enter(sectionKind(name, undefined, undefined), cursor.site);
}

/** `.section .rodata, "a", @progbits`: a name, flags, a type; what follows is for linkers that merge sections. */
function readSection({ program, cursor }: Directive): void {
  const name = sectionName(cursor);
  let flags: string | undefined;
  let type: string | undefined;
  if (cursor.take(",")) {
    const token = cursor.peek();
    if (token?.kind !== "string") throw cursor.unexpected('flags such as "ax"');
    cursor.next();
    flags = token.text.slice(1, -1);
    if (!/^[a-zA-Z?]*$/.test(flags)) throw cursor.error(`${token.text} are no flags of a section`, { token });
    if (cursor.take(",")) type = sectionType(cursor);
    while (cursor.take(",")) cursor.next("an argument");
  }
  cursor.expectEnd('","');
  program.enter(sectionKind(name, flags, type), cursor.site);
}

/** A section's name: words with points and hyphens, or a string. */
function sectionName(cursor: Cursor): string {
  const start = cursor.index;
  const first = cursor.peek();
  if (first?.kind === "string") {
    cursor.next();
    const bytes = readText(first.text.slice(1, -1));
    if (!("badEscape" in bytes) && bytes.length > 0) return String.fromCharCode(...bytes);
    throw cursor.error(`${first.text} is no section`, { token: first });
  }
  if (first?.kind !== "name") throw cursor.unexpected("the name of a section");
  cursor.next();
  while (cursor.word() === "-" || (cursor.peek()?.kind !== "string" && cursor.word() !== "," && !cursor.atEnd)) {
    if (!["name", "number"].includes(cursor.peek()!.kind) && cursor.word() !== "-") throw cursor.unexpected('","');
    cursor.next();
  }
  return cursor.textFrom(start);
}

function sectionType(cursor: Cursor): string {
  if (!cursor.take("@") && !cursor.take("%")) throw cursor.unexpected("@progbits", "@nobits");
  const type = cursor.next("progbits", "nobits").text.toLowerCase();
  if (["progbits", "nobits", "note", "init_array", "fini_array"].includes(type)) return type;
  throw cursor.error(`there is no section type @${type}`, {
    token: cursor.peek(-1),
    expected: ["@progbits", "@nobits"],
  });
}

function readMode({ program, cursor }: Directive, mode: Mode): void {
  cursor.expectEnd();
  program.mode = mode;
}

function readSyntax({ cursor }: Directive): void {
  if (!cursor.take("noprefix") && !cursor.atEnd) throw cursor.unexpected("noprefix");
  cursor.expectEnd();
}
