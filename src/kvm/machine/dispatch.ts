/** From an exit to the device that handles it. Pure but for what the handlers do. */
import { hex } from "../../core/hex.ts";
import { show } from "../../core/show.ts";
import { deviceProblem } from "../devices/device-problem.ts";
import type { Device, EndRun, MmioDevice, PortDevice, Timing } from "../devices/device.ts";
import type { IoInExit, IoOutExit, MmioReadExit, MmioWriteExit } from "../exits/exit-access.ts";
import type { Exit, GuestExit } from "../exits/exits.ts";
import { writeField } from "../abi/fields.ts";
import { badArgument } from "../kvm-error.ts";

/** What became of an exit: not handled, handled, or handled with the end of the run. */
export type Outcome = "unhandled" | "handled" | GuestExit;

/** Hands exits to devices. */
export type Dispatch = (exit: Exit) => Outcome | Promise<Outcome>;

/** What a device may be asked about. */
type AccessExit = IoInExit | IoOutExit | MmioReadExit | MmioWriteExit;
type Sized = "u8" | "u16" | "u32" | "u64";

/** Which handler an access of so many bytes is for. */
const handlerBySize: Readonly<Partial<Record<number, Sized>>> = { 1: "u8", 2: "u16", 4: "u32", 8: "u64" };

/**
 * A function that hands exits to these devices; `undefined` where there are none. Throws {@link KvmError} `BAD_ARGUMENT` for a
 * range that is none, and for two that overlap.
 */
export function dispatchTo(devices: readonly Device<Timing>[]): Dispatch | undefined {
  requireDevices(devices);
  if (devices.length === 0) return undefined;
  const deviceOf = deviceTable(devices);
  return (exit) => {
    const device = deviceOf(exit);
    return device === undefined ? "unhandled" : answer(device, exit as AccessExit);
  };
}

/** Throws {@link KvmError} `BAD_ARGUMENT` for what are no devices. */
function requireDevices(devices: readonly Device<Timing>[]): void {
  const problem = deviceProblem(devices);
  if (problem === undefined) return;
  const { path, must, value } = problem;
  const hint = 'a device is such as { name: "clock", ports: { at: 0x70, size: 2 }, read: { u8: () => 0 } }';
  throw badArgument(`${path} must be ${must}; got ${show(value)}`, value, hint);
}

/** Whether one of these devices handles an exit. Throws as {@link dispatchTo}. */
export function handledBy(devices: readonly Device<Timing>[]): (exit: Exit) => boolean {
  const deviceOf = deviceTable(devices);
  return (exit) => {
    const device = deviceOf(exit);
    return device !== undefined && handlerOf(device, exit as AccessExit) !== undefined;
  };
}

/** The device that an exit's first byte belongs to. */
function deviceTable(devices: readonly Device<Timing>[]): (exit: Exit) => Device<Timing> | undefined {
  const ports = new Map<number, PortDevice<Timing>>();
  const ranges: MmioDevice<Timing>[] = [];
  for (const device of devices) {
    if ("ports" in device) addPorts(ports, device);
    else addRange(ranges, device);
  }
  return (exit) => {
    switch (exit.kind) {
      case "io-out":
      case "io-in":
        return ports.get(exit.port);
      case "mmio-read":
      case "mmio-write":
        return ranges.find(({ mmio }) => exit.address >= mmio.at && exit.address < mmio.at + BigInt(mmio.size));
      default:
        return undefined;
    }
  };
}

/**
 * What a device made of an exit at once. Throws {@link KvmError} `BAD_ARGUMENT` for a device that answers later, which a run
 * that keeps the thread cannot wait for.
 */
export function dispatchNow(dispatch: Dispatch, exit: Exit): Outcome {
  const outcome = dispatch(exit);
  if (!(outcome instanceof Promise)) return outcome;
  // Nobody waits for it any more; what it is rejected with must not end the process.
  outcome.catch(() => undefined);
  throw badArgument(`a device answers ${exit.kind} later`, exit, "use stream() for devices that return promises");
}

function addPorts(ports: Map<number, PortDevice<Timing>>, device: PortDevice<Timing>): void {
  const { at, size } = device.ports;
  if (!Number.isInteger(at) || !Number.isInteger(size) || at < 0 || size < 1 || at + size > 0x1_0000) {
    throw badArgument(`${device.name}: no range of ports: ${size} from ${show(at)}`, device.ports);
  }
  for (let port = at; port < at + size; port++) {
    const other = ports.get(port);
    if (other !== undefined) {
      throw badArgument(`port ${hex(port)} is of two devices: ${other.name} and ${device.name}`, device.ports);
    }
    ports.set(port, device);
  }
}

function addRange(ranges: MmioDevice<Timing>[], device: MmioDevice<Timing>): void {
  const { at, size } = device.mmio;
  if (typeof at !== "bigint" || at < 0n || !Number.isSafeInteger(size) || size < 1) {
    throw badArgument(`${device.name}: no range of addresses: ${show(size)} bytes from ${show(at)}`, device.mmio);
  }
  const other = ranges.find(({ mmio }) => at < mmio.at + BigInt(mmio.size) && mmio.at < at + BigInt(size));
  if (other !== undefined) {
    throw badArgument(`${other.name} and ${device.name} overlap at ${hex(at)}`, device.mmio);
  }
  ranges.push(device);
}

function answer(device: Device<Timing>, exit: AccessExit): Outcome | Promise<Outcome> {
  const handler = handlerOf(device, exit);
  if (handler === undefined) return "unhandled";
  const accesses = { name: device.name, offset: offsetIn(device, exit), exit, count: "count" in exit ? exit.count : 1 };
  return isInput(exit)
    ? readAll({ ...accesses, handler: handler as ReadHandler })
    : writeAll({ ...accesses, handler: handler as WriteHandler });
}

/** What a device has for the exit's size, where it lies in its range with all its bytes. */
function handlerOf(device: Device<Timing>, exit: AccessExit): ReadHandler | WriteHandler | undefined {
  const { size: range } = "ports" in device ? device.ports : device.mmio;
  const size = handlerBySize[exit.size];
  if (size === undefined || offsetIn(device, exit) + exit.size > range) return undefined;
  const handlers: Partial<Record<Sized, ReadHandler | WriteHandler>> | undefined = isInput(exit)
    ? device.read
    : device.write;
  return handlers?.[size];
}

function offsetIn(device: Device<Timing>, exit: AccessExit): number {
  return "port" in exit
    ? exit.port - (device as PortDevice<Timing>).ports.at
    : Number(exit.address - (device as MmioDevice<Timing>).mmio.at);
}

function whereAccessed(exit: AccessExit): string {
  return "port" in exit ? `port ${hex(exit.port)}` : hex(exit.address);
}

function isInput({ kind }: AccessExit): boolean {
  return kind === "io-in" || kind === "mmio-read";
}

/** One exit for one handler: `count` accesses, one after the other. */
interface Accesses<Handler> {
  readonly name: string;
  readonly handler: Handler;
  readonly offset: number;
  readonly exit: AccessExit;
  readonly count: number;
}

type ReadHandler = (offset: number) => number | bigint | Promise<number | bigint>;
type WriteHandler = (value: never, offset: number) => void | EndRun | Promise<void | EndRun>;

function readAll(accesses: Accesses<ReadHandler>, from = 0): Outcome | Promise<Outcome> {
  const { handler, offset, exit, count, name } = accesses;
  const view = new DataView(exit.data.buffer, exit.data.byteOffset);
  const put = (value: number | bigint, index: number): void =>
    writeField(view, [index * exit.size, exit.size], value, `${name}: what it answered at ${whereAccessed(exit)}`);
  for (let index = from; index < count; index++) {
    const value = handler(offset);
    if (isLater(value)) {
      return Promise.resolve(value).then((later) => {
        put(later, index);
        return readAll(accesses, index + 1);
      });
    }
    put(value, index);
  }
  return "handled";
}

function writeAll(accesses: Accesses<WriteHandler>, from = 0): Outcome | Promise<Outcome> {
  const { handler, offset, exit, count, name } = accesses;
  // The rest of a `rep outs` is not given to a device that ended the run: it would never learn of it.
  for (let index = from; index < count; index++) {
    const result = handler(valueAt(exit, index) as never, offset);
    if (isLater(result)) {
      return Promise.resolve(result).then((later) =>
        isEnd(later) ? ended(name, later, exit) : writeAll(accesses, index + 1),
      );
    }
    if (isEnd(result)) return ended(name, result, exit);
  }
  return "handled";
}

/** What else a handler returns, as arrow functions do by accident, means nothing. */
function isEnd(result: void | EndRun): result is EndRun {
  return typeof result === "object" && result !== null && "end" in result;
}

function ended(device: string, { end }: EndRun, write: AccessExit): GuestExit {
  if (typeof end !== "number") throw badArgument(`${device}: no code to end with: ${show(end)}`, end);
  const exit: GuestExit = { kind: "guest-exit", device, code: end };
  causes.set(exit, write);
  return exit;
}

/** The writes by which guests ended their runs. */
const causes = new WeakMap<Exit, AccessExit>();

/** The exit that the guest made: of a `guest-exit`, the write that a device took it for; of others, themselves. */
export function causeOf(exit: Exit): Exit {
  return causes.get(exit) ?? exit;
}

/** Promises of other libraries and of other realms are ones, too. */
function isLater<Value>(value: Value | PromiseLike<Value>): value is PromiseLike<Value> {
  return typeof value === "object" && value !== null && "then" in value;
}

function valueAt({ data, size }: AccessExit, index: number): number | bigint {
  const at = index * size;
  if (size === 1) return data[at]!;
  const view = new DataView(data.buffer, data.byteOffset + at, size);
  if (size === 2) return view.getUint16(0, true);
  return size === 4 ? view.getUint32(0, true) : view.getBigUint64(0, true);
}
