/** Guests as users write them in modules, as text: what the command line imports. */

/** A guest that prints through port 0xe9, asks port 0x10 for a byte and prints that, too. */
export const echoGuest = `
import { al, code16, layout, type Image } from "guestwright";

enum Port { Debug = 0xe9, Input = 0x10 }

const guest = code16().mov(al, 0x48).out(Port.Debug, al).in(al, Port.Input).out(Port.Debug, al).hlt();

export const image: Image = await layout({
  mode: "real16",
  memory: { ram: { at: 0x0, size: "4KiB" } },
  place: { guest: { code: guest, in: "ram" } },
}).build();
`;

/** A real-mode guest of these statements, chained to \`code16()\`. */
export function realModeGuest(statements: string): string {
  return `
import { al, ax, byte, code16, dx, layout, mem } from "guestwright";
export const image = layout({
  mode: "real16",
  memory: { ram: { at: 0x0, size: "4KiB" } },
  place: { guest: { code: code16()${statements}, in: "ram" } },
});
`;
}
