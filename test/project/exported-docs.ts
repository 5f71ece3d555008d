/** Finds the exported symbols that an entry point reaches, through every re-export, and says which have no doc comment. */
import path from "node:path";
import { parseSync, type Comment, type Program, type Statement } from "oxc-parser";

/** Gives the source text of a file. */
export type Read = (file: string) => string;

/** A symbol: the file that declares it, and whether it has a doc comment there. */
interface Exported {
  readonly file: string;
  readonly documented: boolean;
}

interface Module {
  readonly file: string;
  readonly program: Program;
  readonly hasDoc: (statement: Statement) => boolean;
}

function parse(file: string, read: Read): Module {
  const source = read(file);
  const { program, comments } = parseSync(file, source);
  const isDoc = (comment: Comment) => comment.type === "Block" && comment.value.startsWith("*");
  // A directive for a tool may stand between a doc comment and what it describes.
  const between = (from: number, to: number) => source.slice(from, to).replaceAll(/^\s*\/\/.*$/gm, "");
  const hasDoc = ({ start }: Statement) =>
    comments.some((comment) => isDoc(comment) && comment.end <= start && between(comment.end, start).trim() === "");
  return { file, program, hasDoc };
}

/** The names that a statement declares, exported or not. */
function declaredNames(statement: Statement): string[] {
  const declaration = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
  if (declaration === null) return [];
  if (declaration.type === "VariableDeclaration") {
    return declaration.declarations.flatMap(({ id }) => (id.type === "Identifier" ? [id.name] : []));
  }
  const named = declaration as { id?: { type: string; name: string } | null };
  return named.id?.type === "Identifier" ? [named.id.name] : [];
}

const nameOf = (name: { type: string }) => {
  const { name: identifier, value } = name as { name?: string; value?: string };
  return identifier ?? value!;
};

/** A name that a file exports further down than it declares or imports it. */
function localSymbol({ file, program, hasDoc }: Module, name: string, read: Read): Exported {
  const declaration = program.body.find((each) => declaredNames(each).includes(name));
  if (declaration !== undefined) return { file, documented: hasDoc(declaration) };
  for (const statement of program.body) {
    if (statement.type !== "ImportDeclaration") continue;
    const specifier = statement.specifiers.find(({ local }) => local.name === name);
    if (specifier?.type !== "ImportSpecifier") continue;
    const from = path.posix.join(path.posix.dirname(file), statement.source.value);
    return exportedFrom(from, nameOf(specifier.imported), read);
  }
  throw new Error(`${file} exports ${name}, which it neither declares nor imports by name`);
}

function exportedFrom(file: string, name: string, read: Read): Exported {
  const symbol = exportsOf(file, read).get(name);
  if (symbol === undefined) throw new Error(`${file} does not export ${name}`);
  return symbol;
}

/** Each name that a file exports. */
function exportsOf(file: string, read: Read): Map<string, Exported> {
  const module = parse(file, read);
  const found = new Map<string, Exported>();
  const resolve = (target: string) => path.posix.join(path.posix.dirname(file), target);
  // The first of several overloads speaks for all of them.
  const declare = (exported: string, statement: Statement) => {
    if (!found.has(exported)) found.set(exported, { file, documented: module.hasDoc(statement) });
  };
  for (const statement of module.program.body) {
    if (statement.type === "ExportAllDeclaration") {
      if (statement.exported !== null) declare(nameOf(statement.exported), statement);
      else for (const [name, symbol] of exportsOf(resolve(statement.source.value), read)) found.set(name, symbol);
    }
    if (statement.type !== "ExportNamedDeclaration") continue;
    for (const name of declaredNames(statement)) declare(name, statement);
    for (const { local, exported } of statement.specifiers) {
      if (statement.source !== null) {
        found.set(nameOf(exported), exportedFrom(resolve(statement.source.value), nameOf(local), read));
      } else {
        found.set(nameOf(exported), localSymbol(module, nameOf(local), read));
      }
    }
  }
  return found;
}

/** What an entry point exports without a doc comment, as `name (file)`. */
export function undocumented(entry: string, read: Read): string[] {
  return [...exportsOf(entry, read)]
    .filter(([, { documented }]) => !documented)
    .map(([name, { file }]) => `${name} (${file})`);
}
