/** A 16-bit guest in real mode: it prints through a port, reads a byte from one, and writes and reads where no memory is. */
import { al, boot, byte, code16, cx, di, ds, dx, hex, layout, mem, si, since } from "guestwright";

const guest = code16()
  .mov(dx, 0x1000) // a port
  .lea(si, mem("msg"))
  .mov(cx, mem("msg_len"))
  .rep.outsb()

  .mov(dx, 0x1000)
  .lea(di, mem("in_dest"))
  .insb()

  .mov(byte(ds, 0x2000), 0xaa) // past the end of memory: MMIO exits
  .mov(al, byte(ds, 0x2000))
  .hlt()

  .label("msg")
  .asciz("Hello from Real Mode!\n")
  .label("msg_len")
  .u16(since("msg"))
  .label("in_dest")
  .u8(0);

/** The guest, ready to be loaded. */
export const image = await layout({
  mode: "real16",
  memory: { ram: { at: 0x0, size: "4KiB" } },
  place: { guest: { code: guest, in: "ram" } },
}).build();

const list = (bytes: Uint8Array): string => Array.from(bytes, (byte) => hex(byte, 2)).join(", ");

/** Runs it and prints what it does. */
export async function main(): Promise<void> {
  using machine = await boot(image);
  for (const exit of machine.run()) {
    switch (exit.kind) {
      case "io-out":
        process.stdout.write(String.fromCharCode(...exit.data).replace("\0", ""));
        break;
      case "io-in":
        console.log(`IO_IN: port=${exit.port} len=${exit.data.length}`);
        exit.data.fill(0xaa);
        break;
      case "mmio-write":
        console.log(`MMIO_WRITE: addr=${hex(exit.address)} len=${exit.data.length} data=[${list(exit.data)}]`);
        break;
      case "mmio-read":
        console.log(`MMIO_READ: addr=${hex(exit.address)} len=${exit.data.length}`);
        exit.data.fill(0xbb);
        break;
      case "hlt":
        console.log("HLT");
        break;
      default:
        throw new Error(`the guest should not have caused ${exit.kind}`);
    }
  }
}
