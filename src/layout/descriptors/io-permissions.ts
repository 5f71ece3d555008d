/** The I/O permission bitmap of a TSS: a clear bit lets any privilege use the port (SDM vol. 1, 19.5.2). */
import { hex } from "../../core/hex.ts";
import { LayoutError } from "../layout-error.ts";
import { checkRange } from "./check-range.ts";

/** Ports one after another. */
export interface PortRange {
  /** The first port, 0 to 0xffff. */
  readonly first: number;
  /** The last port, `first` to 0xffff. */
  readonly last: number;
}

/** The ports that there are (SDM vol. 1, 19.3). */
const portCount = 0x1_0000;

/**
 * The bitmap that lets some ports pass: as long as the highest of them needs, and the byte of ones that must follow it,
 * since the CPU always reads two bytes. Empty where no port passes.
 *
 * @param path what errors call the list
 */
export function encodePorts(path: string, ports: readonly PortRange[]): Uint8Array {
  ports.forEach(({ first, last }, i) => {
    checkRange(`${path}.${i}.first`, first, portCount - 1, "BAD_TASK_STATE");
    checkRange(`${path}.${i}.last`, last, portCount - 1, "BAD_TASK_STATE");
    if (first <= last) return;
    throw new LayoutError(`${path}.${i}: the first port, ${hex(first)}, comes after the last, ${hex(last)}`, {
      code: "BAD_TASK_STATE",
      value: ports[i],
    });
  });
  if (ports.length === 0) return new Uint8Array();
  const highest = ports.reduce((most, { last }) => Math.max(most, last), 0);
  const bitmap = new Uint8Array((highest >> 3) + 2).fill(0xff);
  for (const { first, last } of ports) {
    for (let port = first; port <= last; port += 1) bitmap[port >> 3]! &= ~(1 << (port & 7));
  }
  return bitmap;
}

/**
 * The ports that a bitmap lets pass, in order, none next to the other.
 *
 * @param bitmap from the bitmap's base to the end of the TSS; the last byte lets nothing pass, since the CPU would read the
 *   byte after it as well
 */
export function decodePorts(bitmap: Uint8Array): PortRange[] {
  const ranges: { first: number; last: number }[] = [];
  const count = Math.min((bitmap.length - 1) * 8, portCount);
  for (let port = 0; port < count; port += 1) {
    if (((bitmap[port >> 3]! >> (port & 7)) & 1) === 1) continue;
    const range = ranges.at(-1);
    if (range?.last === port - 1) range.last = port;
    else ranges.push({ first: port, last: port });
  }
  return ranges;
}
