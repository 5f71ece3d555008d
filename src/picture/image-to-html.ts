/** An image, and what it did when it ran, as a page for a browser. */
import type { Finding } from "../kvm/explain/finding.ts";
import type { Transcript } from "../kvm/transcript/transcript.ts";
import { requireImage } from "../layout/image/require-image.ts";
import type { Image } from "../layout/index.ts";
import { requireOptions } from "../layout/layout-error.ts";
import { pageContents, type PageContents } from "./page/contents.ts";
import { html, Markup } from "./page/html.ts";
import { count, type Section } from "./page/parts.ts";
import { script } from "./page/script.ts";
import { styles } from "./page/styles.ts";
import { bytesSection } from "./sections/bytes.ts";
import { descriptorsSection } from "./sections/descriptors.ts";
import { entryStateSection } from "./sections/entry-state.ts";
import { listingSection } from "./sections/listing.ts";
import { mappingsSection, memorySection } from "./sections/memory.ts";
import { namesSection } from "./sections/names.ts";
import { pageTablesSection } from "./sections/page-tables.ts";
import { runSection } from "./sections/run.ts";
import { summarySection } from "./sections/summary.ts";

/** What the page shows besides the image. */
export interface ImageHtmlOptions {
  /** The page's title; `Guest image` where not given. */
  readonly title?: string;
  /** A run of the image. */
  readonly transcript?: Transcript | undefined;
  /** Why the run ended, as `machine.explain(exit)` says it. It is not in the transcript, which is the same on every KVM. */
  readonly findings?: readonly Finding[] | undefined;
}

/** The sections in their order; those without a body are not shown. */
const sections: readonly ((contents: PageContents) => Section)[] = [
  summarySection,
  runSection,
  memorySection,
  mappingsSection,
  pageTablesSection,
  descriptorsSection,
  entryStateSection,
  listingSection,
  namesSection,
  bytesSection,
];

/** Nothing may be loaded: all that the page has is in it. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/**
 * An image as one HTML page: maps of physical and virtual memory with zoom, the page tables as a tree, descriptor tables,
 * the entry state, the listing with links between names and addresses, the bytes; of a run, the exits and why it ended. The
 * page needs no network and no other file. The same image gives the same text.
 *
 * What is too much for a browser is left out, and the page says how much: the page of any image stays below some
 * megabytes.
 *
 * @example
 * ```ts
 * writeFileSync("guest.html", imageToHtml(image, { title: "guest.ts" }));
 * ```
 */
export function imageToHtml(image: Image, options: ImageHtmlOptions = {}): string {
  requireImage("imageToHtml", image);
  requireOptions("imageToHtml", ["title", "transcript", "findings"], options);
  const { title = "Guest image", transcript, findings = [] } = options;
  const contents = pageContents({ image, transcript, findings });
  const shown = sections.map((section) => section(contents)).filter(({ body }) => body !== undefined);
  const lead = `${image.mode}, ${count(image.programs.length, "program")}, ${count(image.memory.length, "memory region")}`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <title>${title}</title>
        <style>
          ${new Markup(styles)}
        </style>
      </head>
      <body>
        <a class="skip" href="#summary">To the content</a>
        <div class="frame">
          <nav aria-label="Sections">
            <p>${title}</p>
            <ul>
              ${shown.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li> `)}
            </ul>
          </nav>
          <main>
            <header>
              <h1>${title}</h1>
              <p class="lead">${lead}</p>
            </header>
            ${shown.map(
              ({ id, title, body }) =>
                html`<section id="${id}" aria-labelledby="${id}-title">
                  <h2 id="${id}-title">${title}</h2>
                  ${body}
                </section> `,
            )}
          </main>
        </div>
        <script>
          ${new Markup(script)};
        </script>
      </body>
    </html> `.text;
}
