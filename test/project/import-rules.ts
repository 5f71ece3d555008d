/**
 * Which file of `src` may import what: the arrows of ARCHITECTURE.md as a table, and a checker that reads it.
 * Paths are relative to `src`.
 */
import { isBuiltin } from "node:module";
import path from "node:path";
import { parseSync, Visitor } from "oxc-parser";

/**
 * What the files of one folder may import from the others. A folder may always import from itself. A folder in a folder that
 * has a row of its own is ruled by that row.
 */
interface FolderRule {
  readonly values: readonly string[];
  /** Folders from which it may take types, and types only. */
  readonly types?: readonly string[];
  /** The files that may import from Node, or `"all"`. */
  readonly node: readonly string[] | "all";
}

/** The top folder, named `.`, holds the entry point of the whole package. */
const folderRules: Readonly<Record<string, FolderRule>> = {
  core: { values: [], node: [] },
  asm: { values: ["core"], node: [] },
  paging: { values: ["core"], node: [] },
  disasm: { values: ["core", "asm"], node: [] },
  layout: { values: ["core", "asm", "paging"], node: [] },
  kvm: { values: ["core", "disasm", "kvm/explain"], types: ["layout"], node: "all" },
  "kvm/explain": { values: ["core", "disasm", "paging", "layout", "kvm"], node: [] },
  testing: { values: ["core", "disasm", "paging", "layout", "kvm", "kvm/explain"], node: [] },
  picture: { values: ["core", "paging", "layout", "kvm"], types: ["kvm/explain"], node: [] },
  ".": { values: ["core", "asm", "paging", "layout", "kvm", "picture"], node: [] },
  cli: { values: [".", "core", "asm", "paging", "disasm", "layout", "kvm", "picture"], node: "all" },
};

/** The one file that may import a package, and the folders that may take types from it. */
const packageRules: Readonly<Record<string, { readonly file: string; readonly types: readonly string[] }>> = {
  koffi: { file: "kvm/host/libc.ts", types: [] },
  "keystone-wasm": { file: "asm/encode/keystone.ts", types: [] },
  "iced-x86": { file: "asm/encode/iced.ts", types: ["asm", "disasm"] },
  "oxc-transform": { file: "cli/guest/module-hooks.ts", types: [] },
  vitest: { file: "testing/setup.ts", types: ["testing"] },
  arktype: { file: "layout/description/form-schema.ts", types: ["layout"] },
};

/** The files that may import a module whose name only running tells: what a user names. */
const computedImports: readonly string[] = ["cli/guest/guest-module.ts"];

interface Import {
  readonly target: string;
  readonly typeOnly: boolean;
  readonly offset: number;
}

/** Whether each name between the braces of `import { type A, type B }` is a type. None at all is a side effect: not a type. */
function allTypes(specifiers: readonly object[]): boolean {
  const kinds = specifiers as readonly { importKind?: string; exportKind?: string }[];
  return kinds.length > 0 && kinds.every((each) => (each.importKind ?? each.exportKind) === "type");
}

/** Every way in which a module names another: static, dynamic, type-only, re-exporting, or as text to a loader. */
function importsOf(file: string, source: string): { imports: Import[]; problems: [number, string][] } {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) throw new SyntaxError(`${file}: ${errors[0]!.message}`);
  const imports: Import[] = [];
  const problems: [number, string][] = [];
  const described = new Set<number>();
  const add = (target: string, typeOnly: boolean, offset: number) => imports.push({ target, typeOnly, offset });
  new Visitor({
    ImportDeclaration(node) {
      const typeOnly = node.importKind === "type" || allTypes(node.specifiers);
      add(node.source.value, typeOnly, node.start);
    },
    ExportNamedDeclaration(node) {
      if (node.source === null) return;
      add(node.source.value, node.exportKind === "type" || allTypes(node.specifiers), node.start);
    },
    ExportAllDeclaration(node) {
      add(node.source.value, node.exportKind === "type", node.start);
    },
    ImportExpression(node) {
      if (node.source.type === "Literal" && typeof node.source.value === "string") {
        add(node.source.value, false, node.start);
      } else if (!computedImports.includes(file)) {
        problems.push([node.start, "imports a module whose name is computed"]);
      }
    },
    TSImportType(node) {
      add(node.source.value, true, node.start);
    },
    TSExternalModuleReference(node) {
      add(node.expression.value, false, node.start);
    },
    ExportDefaultDeclaration(node) {
      problems.push([node.start, "has a default export"]);
    },
    // `declare module "keystone-wasm"` describes a package and loads nothing.
    TSModuleDeclaration(node) {
      described.add(node.id.start);
    },
    // `createRequire(...)("koffi")`, `import.meta.resolve("koffi")`: a package that has a row is not named elsewhere.
    Literal(node) {
      if (described.has(node.start)) return;
      if (typeof node.value === "string" && Object.hasOwn(packageRules, node.value)) add(node.value, true, node.start);
    },
    CallExpression(node) {
      const [first] = node.arguments;
      if (first?.type === "Literal" && typeof first.value === "string" && Object.hasOwn(packageRules, first.value)) {
        add(first.value, false, node.start);
      }
    },
  }).visit(program);
  if (path.posix.basename(file) === "index.ts") {
    for (const statement of program.body) {
      const reExports =
        statement.type === "ExportAllDeclaration" ||
        (statement.type === "ExportNamedDeclaration" && (statement.source !== null || statement.declaration === null));
      if (!reExports) problems.push([statement.start, "is an index and does more than re-export"]);
    }
  }
  return { imports, problems };
}

/** The folder whose row holds for a file: the innermost that has one, else the outermost. */
function folderOf(file: string): string {
  const folder = path.posix.dirname(file);
  const rows = Object.keys(folderRules).filter((row) => folder === row || folder.startsWith(`${row}/`));
  return rows.toSorted((a, b) => b.length - a.length)[0] ?? folder.split("/")[0]!;
}

/** Why an import breaks the table; `undefined` where it does not. */
function violation(file: string, { target, typeOnly }: Import): string | undefined {
  const folder = folderOf(file);
  const rule = folderRules[folder];
  if (rule === undefined) return `lies in a folder without a row in the table`;
  if (target.startsWith(".")) {
    const imported = path.posix.join(path.posix.dirname(file), target);
    if (imported.startsWith("../")) return `imports ${target}, outside of src`;
    const from = folderOf(imported);
    const allowed = from === folder || rule.values.includes(from) || (typeOnly && (rule.types ?? []).includes(from));
    return allowed ? undefined : `imports ${typeOnly ? "a type of " : ""}${imported}, which ${folder} may not`;
  }
  if (isBuiltin(target)) {
    return rule.node === "all" || rule.node.includes(file) ? undefined : `imports ${target}, which needs Node`;
  }
  const packageRule = packageRules[target];
  if (packageRule === undefined) return `imports ${target}, which has no row in the table`;
  if (file === packageRule.file || (typeOnly && packageRule.types.includes(folder))) return undefined;
  return `imports ${target}, which only ${packageRule.file} may`;
}

/** Everything in one file of `src` that breaks the table, as `path:line what`. */
export function importViolations(file: string, source: string): string[] {
  const { imports, problems } = importsOf(file, source);
  const found = [
    ...imports.map((each): [number, string | undefined] => [each.offset, violation(file, each)]),
    ...problems,
  ];
  return found
    .filter(([, problem]) => problem !== undefined)
    .map(([offset, problem]) => `${file}:${source.slice(0, offset).split("\n").length} ${problem}`);
}
