/** Guests that a host application runs with the copy of the package that it is given. */
import type * as Guestwright from "guestwright";

/** The package, as `import * as` gives it. */
export type Api = typeof Guestwright;

/** The image of a guest that writes a text to a port. */
export async function greetingImage(
  { code16, layout, offset, cx, dx, si }: Api,
  text: string,
): Promise<Guestwright.Image> {
  const guest = code16()
    .mov(dx, 0x3f8)
    .mov(si, offset("text"))
    .mov(cx, text.length)
    .rep.outsb()
    .hlt()
    .label("text")
    .ascii(text);
  return layout({
    mode: "real16",
    memory: { ram: { at: 0, size: "4KiB" } },
    place: { guest: { code: guest, in: "ram" } },
  }).build();
}

/** Runs an image: the text that it wrote to ports, and the exit that it ended with. */
export async function textOf({ boot }: Api, image: Guestwright.Image): Promise<string> {
  using machine = await boot(image);
  let text = "";
  for (const exit of machine.run({ timeout: "5s" })) {
    text += exit.kind === "io-out" ? String.fromCharCode(...exit.data) : ` ${exit.kind}`;
  }
  return text;
}

/** Runs a guest that never ends, with a deadline: the exit that it ended with. */
export async function runaway({ boot, code16, layout }: Api): Promise<string> {
  const image = await layout({
    mode: "real16",
    memory: { ram: { at: 0, size: "4KiB" } },
    place: { guest: { code: code16().cli().label("forever").jmp("forever"), in: "ram" } },
  }).build();
  using machine = await boot(image);
  return Array.from(machine.run({ timeout: "50ms" }), ({ kind }) => kind).join(" ");
}
