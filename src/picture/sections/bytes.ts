/** The bytes in memory before the first instruction. */
import { hex } from "../../core/hex.ts";
import { hexdump } from "../../core/hexdump.ts";
import { sizeToText } from "../../core/units.ts";
import type { PageContents } from "../page/contents.ts";
import { html } from "../page/html.ts";
import { limits } from "../page/limits.ts";
import { code, leftOut, type Section } from "../page/parts.ts";

/** A hexdump of each chunk. */
export function bytesSection({ image }: PageContents): Section {
  let room: number = limits.allDumpBytes;
  const chunks = image.chunks.map(({ name, at, bytes }, index) => {
    const shown = bytes.subarray(0, Math.min(limits.dumpBytes, room));
    room -= shown.length;
    return html`<details class="bytes" id="bytes-${index}">
      <summary>
        ${name} <span class="faint">at physical ${code(hex(at, 8))}, ${sizeToText(BigInt(bytes.length))}</span>
      </summary>
      <pre class="scroll" tabindex="0">${hexdump(shown, at)}</pre>
      ${leftOut(bytes.length - shown.length, "byte")}
    </details> `;
  });
  return { id: "bytes", title: "Bytes", body: chunks.length === 0 ? undefined : chunks };
}
