/** What the guests that test exception stubs have in common. */
import { boot, type Image } from "guestwright";
import { encodeIdt, type ExceptionName, stubLabel, vectorOf } from "guestwright/layout";
import { expect } from "vitest";

/** Where things lie, in both modes; in long mode linear and physical addresses are the same. */
export const at = { code: 0x9000, idt: 0xa000, gdt: 0xb000, records: 0xc000, stack: 0x1_0000 };

/** The direction flag: set while the exceptions happen, clear for handlers. */
export const DF = 0x400;

/** The gates to the stubs of a program, as the bytes of an IDT. */
export function idtOf(labels: ReadonlyMap<string, bigint>, bits: 32 | 64, names: readonly ExceptionName[]): Uint8Array {
  const gates = names.map((name) => {
    const offset = labels.get(stubLabel(name))!;
    return [vectorOf(name), { type: "interrupt-gate", bits, selector: 0x08, offset } as const] as const;
  });
  return encodeIdt(Object.fromEntries(gates), { long: bits === 64 });
}

/** What the handlers wrote until the guest halts. */
export async function recordsOnKvm(image: Image): Promise<Uint8Array> {
  using machine = await boot(image);
  let last: string | undefined;
  for (const exit of machine.run({ timeout: "5s" })) last = exit.kind;
  expect(last).toBe("hlt");
  return machine.readMemory(BigInt(at.records), 0x1000);
}
