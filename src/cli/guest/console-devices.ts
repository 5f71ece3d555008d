/** The consoles that guests print to: what a user asks for by port. */
import { debugConsole, serialPort, type Device } from "../../kvm/index.ts";

/** The ports of a PC's four serial ports. */
const serialPorts: ReadonlySet<number> = new Set([0x3f8, 0x2f8, 0x3e8, 0x2e8]);

/**
 * Devices for ports that a guest prints to. At a serial port's address it is a whole serial port, whose guest finds `input`
 * there; elsewhere a debug console.
 */
export function consoleDevices(
  ports: readonly number[],
  input: Uint8Array,
  output: (byte: number) => void,
): readonly Device[] {
  return ports.map((at) => {
    if (!serialPorts.has(at)) return debugConsole({ at, output });
    const serial = serialPort({ at, output });
    serial.input(input);
    return serial;
  });
}
