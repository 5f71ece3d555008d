/** Devices that exist for guests under test alone. */
import type { PortDevice } from "./device.ts";
import { requireOptions } from "../kvm-error.ts";

/** A port that guests print to: a device for `run` and `stream`. */
export interface DebugConsole extends PortDevice {
  /** What the guest has written since this was last called, as text of UTF-8. Empty where `output` takes it. */
  output(): string;
}

/** How a debug console is to be. */
export interface DebugConsoleOptions {
  /** Its port; 0xe9, as Bochs and QEMU have it, unless given. */
  readonly at?: number;
  /** Called with each byte that the guest writes. Without it, what was written is kept for {@link DebugConsole.output}. */
  readonly output?: (byte: number) => void;
}

/**
 * A debug console: bytes that are written to it are output; a read gives 0xe9, by which guests find out that it is there
 * (Bochs and QEMU, `isa-debugcon`).
 *
 * @example
 * ```ts
 * const console = debugConsole();
 * for (const exit of machine.run({ devices: [console] })) if (exit.kind === "hlt") print(console.output());
 * ```
 */
export function debugConsole(options: DebugConsoleOptions = {}): DebugConsole {
  requireOptions("debugConsole", ["at", "output"], options);
  const { at = 0xe9, output } = options;
  const written: number[] = [];
  const send = output ?? ((byte: number): void => void written.push(byte));
  return {
    name: "debug console",
    ports: { at, size: 1 },
    read: { u8: () => 0xe9 },
    write: { u8: (byte) => send(byte) },
    output: () => new TextDecoder().decode(Uint8Array.from(written.splice(0))),
  };
}

/**
 * A device by which the guest ends the run: what it writes, of 1, 2 or 4 bytes, is the code of a `guest-exit`.
 *
 * @param at its port, the first of four; 0xf4, as QEMU's `isa-debug-exit` often has it, unless given
 * @example
 * ```ts
 * for (const exit of machine.run({ devices: [exitDevice()] })) {
 *   if (exit.kind === "guest-exit") process.exitCode = exit.code;
 * }
 * ```
 */
export function exitDevice(at = 0xf4): PortDevice {
  const end = (code: number): { readonly end: number } => ({ end: code });
  return { name: "exit device", ports: { at, size: 4 }, write: { u8: end, u16: end, u32: end } };
}
