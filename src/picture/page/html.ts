/** Markup that cannot be broken by what is put into it. */

/** Finished markup. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template: text is escaped, markup is not, of a list each part, and nothing is nothing. */
export type Content = string | number | Markup | undefined | readonly Content[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character]!);
}

function render(content: Content): string {
  if (content instanceof Markup) return content.text;
  if (typeof content === "string" || typeof content === "number") return escape(String(content));
  return content === undefined ? "" : content.map(render).join("");
}

/** Line ends of a template, with the indentation that only its source needs. */
const indents = /\s*\n\s*/g;

/**
 * Markup from a template. Names from a guest may hold `<`, `&` and quotes, so every value is escaped; attributes must be in
 * quotes.
 *
 * @example
 * ```ts
 * html`<p title="${name}">${name}</p>`;
 * ```
 */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(parts.map((part, i) => part.replaceAll(indents, "\n") + render(values[i])).join(""));
}

/** Plain data for the page's script, which cannot end the element that it stands in. */
export function jsonScript(id: string, data: unknown): Markup {
  const json = JSON.stringify(data).replaceAll("<", String.raw`\u003c`);
  return html`<script type="application/json" id="${id}">
    ${new Markup(json)}
  </script>`;
}
