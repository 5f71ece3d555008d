/** Guests to debug. */
import { al, code64, layout, mem, rax, rbx, rcx, type AnyCode, type Image } from "guestwright";
import type { TraceEvent } from "guestwright/kvm";

/** No memory lies behind this address. */
const HOLE = 0x9000;

/** Exits of every kind, twice: a port written and read, a store and a load where no memory is, and a store where it is. */
export const everyExit = code64()
  .mov(rcx, 2)
  .label("loop")
  .add(rax, 1)
  .label("output")
  .out(0x10, al)
  .label("input")
  .in(al, 0x11)
  .label("store")
  .mov(mem(HOLE), al)
  .label("load")
  .mov(rbx, mem(HOLE))
  .label("memory")
  .mov(mem(0x5000), rbx)
  .dec(rcx)
  .label("branch")
  .jnz("loop")
  .label("end")
  .hlt();

/** A program in long mode, `guest`, with a page of data at 0x5000. */
export async function longModeImage(code: AnyCode): Promise<Image> {
  return await layout({
    mode: "long64",
    memory: { ram: { at: 0x0, size: "64KiB" } },
    paging: {
      tables: 0x0,
      map: {
        text: { virt: 0x0, phys: 0x4000, size: "4KiB", access: "rx" },
        data: { virt: 0x5000, phys: 0x8000, size: "4KiB", access: "rw" },
        hole: { virt: HOLE, phys: 0x10_0000, size: "4KiB", access: "rw", backing: "none" },
      },
    },
    place: { guest: { code, in: "text" } },
  }).build();
}

/** Answers what waits for an answer. */
export function answer(event: TraceEvent): void {
  if (event.kind === "io-in" || event.kind === "mmio-read") event.data.fill(0x77);
}
