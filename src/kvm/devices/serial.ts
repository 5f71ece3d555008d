/** A serial port, as PCs have it: the registers of a 16550A (National Semiconductor PC16550D, 1995), polled. */
import { show } from "../../core/show.ts";
import type { PortDevice } from "./device.ts";
import { badArgument, requireOptions } from "../kvm-error.ts";

/** How a serial port is to be. */
export interface SerialOptions {
  /** Its first port; 0x3f8, a PC's COM1, unless given. */
  readonly at?: number;
  /** Called with each byte that the guest sends. Without it, what was sent is kept for {@link SerialPort.output}. */
  readonly output?: (byte: number) => void;
}

/** A serial port: a device for `run` and `stream`. It has no interrupts: the guest polls its line status. */
export interface SerialPort extends PortDevice {
  /** What the guest has sent since this was last called, as text of UTF-8. Empty where `output` takes it. */
  output(): string;
  /** Gives the guest something to read: text as UTF-8, or bytes. */
  input(data: string | Uint8Array): void;
}

/** The registers, by their offset; those of the divisor are there instead while LCR.DLAB is set (PC16550D, table 2). */
const DATA = 0;
const IER = 1;
const IIR_FCR = 2;
const LCR = 3;
const MCR = 4;
const LSR = 5;
const MSR = 6;
const SCR = 7;

const LCR_DLAB = 0x80;
const MCR_LOOP = 0x10;
/** Data ready. */
const LSR_DR = 0x01;
/** The transmitter takes the next byte, and has sent the last. */
const LSR_EMPTY = 0x60;
/** No interrupt waits. */
const IIR_NONE = 0x01;
/** The FIFOs are on, as only a 16550A has them. */
const IIR_FIFO = 0xc0;
/** A terminal is there: carrier, data set ready, clear to send. */
const MSR_READY = 0xb0;
/** In a loop-back, modem inputs are the outputs: RTS to CTS, DTR to DSR, OUT1 to RI, OUT2 to DCD (PC16550D, 8.7). */
const loopback: readonly (readonly [output: number, input: number])[] = [
  [0x02, 0x10],
  [0x01, 0x20],
  [0x04, 0x40],
  [0x08, 0x80],
];
/** 115200 divided by it is the rate after reset: 9600 baud. */
const RESET_DIVISOR = 12;

/**
 * A serial port that guests poll: what they write to its data register is output, what is given to it is input.
 * Throws {@link KvmError} `BAD_ARGUMENT` for a port that leaves no room for eight.
 *
 * @example
 * ```ts
 * const serial = serialPort({ output: (byte) => process.stdout.write(Uint8Array.of(byte)) });
 * for (const exit of machine.run({ devices: [serial] })) console.log(exit.kind);
 * ```
 */
export function serialPort(options: SerialOptions = {}): SerialPort {
  requireOptions("serialPort", ["at", "output"], options);
  const { at = 0x3f8, output } = options;
  if (!Number.isInteger(at) || at < 0 || at > 0xfff8) throw badArgument(`no port for a serial port: ${show(at)}`, at);
  const sent: number[] = [];
  const waiting: number[] = [];
  const send = output ?? ((byte: number): void => void sent.push(byte));
  const registers = new Uint8Array(8);
  let divisor = RESET_DIVISOR;
  let hasFifo = false;
  const isDivisor = (offset: number): boolean => offset <= IER && (registers[LCR]! & LCR_DLAB) !== 0;

  const modemStatus = (): number => {
    const control = registers[MCR]!;
    if ((control & MCR_LOOP) === 0) return MSR_READY;
    return loopback.reduce((status, [from, to]) => ((control & from) === 0 ? status : status | to), 0);
  };
  const readers: Readonly<Record<number, () => number>> = {
    [DATA]: () => waiting.shift() ?? 0,
    [IIR_FCR]: () => IIR_NONE | (hasFifo ? IIR_FIFO : 0),
    [LSR]: () => LSR_EMPTY | (waiting.length > 0 ? LSR_DR : 0),
    [MSR]: modemStatus,
  };
  const write = (byte: number): void => {
    if ((registers[MCR]! & MCR_LOOP) === 0) send(byte);
    else waiting.push(byte);
  };
  const writers: Readonly<Record<number, (value: number) => void>> = {
    [DATA]: write,
    [IER]: (value) => void (registers[IER] = value & 0x0f),
    [IIR_FCR]: (value) => void (hasFifo = (value & 1) !== 0),
    [LCR]: (value) => void (registers[LCR] = value),
    [MCR]: (value) => void (registers[MCR] = value & 0x1f),
    [SCR]: (value) => void (registers[SCR] = value),
  };

  return {
    name: "serial port",
    ports: { at, size: 8 },
    read: {
      u8: (offset) => {
        if (isDivisor(offset)) return (divisor >> (8 * offset)) & 0xff;
        return readers[offset]?.() ?? registers[offset]!;
      },
    },
    write: {
      u8: (value, offset) => {
        if (isDivisor(offset)) divisor = (divisor & ~(0xff << (8 * offset))) | (value << (8 * offset));
        else writers[offset]?.(value);
      },
    },
    output: () => new TextDecoder().decode(Uint8Array.from(sent.splice(0))),
    input: (data) => {
      for (const byte of typeof data === "string" ? new TextEncoder().encode(data) : data) waiting.push(byte);
    },
  };
}
