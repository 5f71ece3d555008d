/**
 * A 64-bit guest: it prints through a port, reads a byte from one, writes to its memory, and writes to an address that is
 * mapped but has no memory behind it.
 */
import { boot, byte, code64, di, dx, hex, hexBytes, layout, rcx, rdx, rip, rsi, since } from "guestwright";

const guest = code64()
  .mov(rdx, 0x1000) // a port
  .lea(rsi, rip("msg"))
  .mov(rcx, rip("msg_len"))
  .rep.outsb()

  .mov(dx, 0x1000)
  .lea(di, rip("in_dest"))
  .insb()

  .mov(byte(0x2000), 0xaa)
  .mov(byte(0x2001), 0xbb)
  .mov(byte(0x2002), 0xcc)
  .mov(byte(0x2003), 0xdd)

  .mov(byte(0x4000), 0x12) // mapped, but there is no memory: an MMIO exit
  .mov(byte(0x4001), 0x34)
  .mov(byte(0x4002), 0x56)
  .mov(byte(0x4003), 0x78)
  .hlt()

  .label("msg")
  .asciz("Hello from Long Mode!\n")
  .label("msg_len")
  .u64(since("msg"))
  .label("in_dest")
  .u8(0);

/** The guest, ready to be loaded. */
export const image = await layout({
  mode: "long64",
  memory: { ram: { at: 0x0, size: "32KiB" } },
  paging: {
    tables: 0x0,
    map: {
      text: { virt: 0x0000, phys: 0x4000, size: "4KiB", access: "rx" },
      data: { virt: 0x1000, phys: 0x5000, size: "12KiB", access: "rwx" },
      hole: { virt: 0x4000, phys: 0x8000, size: "4KiB", access: "rwx", backing: "none" },
    },
  },
  place: { guest: { code: guest, in: "text" } },
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
      case "hlt":
        console.log("HLT");
        break;
      default:
        throw new Error(`the guest should not have caused ${exit.kind}`);
    }
  }
  console.log(`memory[0x6000..0x6003] = ${hexBytes(machine.readMemory(0x6000n, 4))}`);
}
