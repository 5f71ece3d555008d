/** The page tables as a tree. */
import { tablesToText } from "../../paging/index.ts";
import type { PageContents } from "../page/contents.ts";
import { html, type Content } from "../page/html.ts";
import { limits } from "../page/limits.ts";
import { leftOut, type Section } from "../page/parts.ts";

/** A table or a run of entries, and what is below it. */
export interface TreeNode {
  readonly text: string;
  readonly children: TreeNode[];
}

/** The tables, level by level, as the text form has them. */
export function pageTablesSection({ image, space }: PageContents): Section {
  if (image.paging === undefined) return { id: "tables", title: "Page tables", body: undefined };
  const [title, ...lines] = tablesToText(space).trimEnd().split("\n");
  const roots = treeOf(lines);
  const shown = shownNodes(roots);
  const body = html`<p>
      ${title}. <button type="button" data-open="true">Open all</button>
      <button type="button" data-open="false">Close all</button>
    </p>
    <div class="tree scroll" role="region" aria-label="Page tables" tabindex="0">
      ${roots.map((root) => nodeMarkup(root, shown, true))}
    </div>`;
  return { id: "tables", title: "Page tables", body };
}

/** Lines with two spaces for each level, as a tree. */
export function treeOf(lines: readonly string[]): readonly TreeNode[] {
  const root: TreeNode = { text: "", children: [] };
  const path = [root];
  for (const line of lines) {
    const text = line.trimStart();
    const depth = Math.min((line.length - text.length) / 2, path.length - 1);
    const node = { text, children: [] };
    path[depth]!.children.push(node);
    path.splice(depth + 1, path.length, node);
  }
  return root.children;
}

/** The nodes that the page has room for: the upper levels first. */
function shownNodes(roots: readonly TreeNode[]): ReadonlySet<TreeNode> {
  const shown = new Set(roots.slice(0, limits.treeChildren));
  // The set grows while it is gone through.
  for (const { children } of shown) {
    for (const child of children.slice(0, limits.treeChildren)) {
      if (shown.size >= limits.treeNodes) return shown;
      shown.add(child);
    }
  }
  return shown;
}

function nodeMarkup({ text, children }: TreeNode, shown: ReadonlySet<TreeNode>, isOpen: boolean): Content {
  if (children.length === 0) return html`<div class="leaf">${text}</div> `;
  const below = children.filter((child) => shown.has(child));
  return html`<details${isOpen ? html` open` : undefined}><summary>${text}</summary>
${below.map((child) => nodeMarkup(child, shown, children.length === 1))}${leftOut(children.length - below.length, "line")}</details>\n`;
}
