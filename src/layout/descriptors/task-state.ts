/** Task-state segments as bytes. */
import { hex } from "../../core/hex.ts";
import { show } from "../../core/show.ts";
import { LayoutError } from "../layout-error.ts";
import { checkRange } from "./check-range.ts";
import { decodePorts, encodePorts, type PortRange } from "./io-permissions.ts";
import { taskStateForms, type Place, type TaskStateForm } from "./task-state-forms.ts";
import type { TaskState, TaskState16, TaskState32, TaskState64 } from "./task-state-types.ts";

/** The last offset from which a bitmap of all ports, and the byte after it, lie in 64 KiB (SDM vol. 1, 19.5.2). */
const lastIoMapBase = 0xdfff;

/**
 * The bytes of a TSS: the state, and the I/O permission bitmap where a port is given. The limit of its descriptor is their
 * number - 1.
 *
 * @param path what errors call the place of the state, such as `tss.`: empty, or with a dot at its end
 * @throws LayoutError `BAD_TASK_STATE` for a value that its field has no room for, and for a field that the form lacks
 * @example
 * ```ts
 * const tss = encodeTaskState({ bits: 64, rsp0: 0x9000n, ports: [{ first: 0x3f8, last: 0x3ff }] });
 * encodeDescriptor({ type: "tss", bits: 64, base: 0x7000n, limit: tss.length - 1 });
 * ```
 */
export function encodeTaskState(state: TaskState, path = ""): Uint8Array {
  const form = taskStateForms[state.bits] as TaskStateForm | undefined;
  if (form === undefined) {
    throw badState(`${path}bits: expected 16, 32 or 64, got ${show(state.bits)}`, state.bits);
  }
  const given = state as unknown as Readonly<Record<string, unknown>>;
  checkNames(path, form, given);
  const ioMapBase = given["ioMapBase"] ?? form.size;
  checkRange(`${path}ioMapBase`, ioMapBase, lastIoMapBase, "BAD_TASK_STATE");
  if (Number(ioMapBase) < form.size) {
    throw badState(
      `${path}ioMapBase: the first ${hex(form.size)} bytes are the state's, got ${hex(Number(ioMapBase))}`,
      ioMapBase,
    );
  }
  const bitmap = encodePorts(`${path}ports`, (given["ports"] ?? []) as readonly PortRange[]);
  const bytes = new Uint8Array(bitmap.length === 0 ? form.size : Number(ioMapBase) + bitmap.length);
  bytes.set(bitmap, bytes.length - bitmap.length);
  const view = new DataView(bytes.buffer);
  for (const [name, place] of Object.entries(form.registers)) {
    const value = given[name] ?? (place[1] === 8 ? 0n : 0);
    checkRange(`${path}${name}`, value, largestOf(place), "BAD_TASK_STATE");
    write(view, place, value as number | bigint);
  }
  if (form.trap !== undefined) write(view, form.trap, state.bits === 32 && state.trap === true ? 1 : 0);
  if (form.ioMapBase !== undefined) write(view, form.ioMapBase, ioMapBase as number);
  return bytes;
}

/** Throws for a field that the form lacks, and for a T flag that is none. */
function checkNames(
  path: string,
  { bits, registers, trap, ioMapBase }: TaskStateForm,
  given: Readonly<Record<string, unknown>>,
): void {
  const others = [
    "bits",
    ...(trap === undefined ? [] : ["trap"]),
    ...(ioMapBase === undefined ? [] : ["ports", "ioMapBase"]),
  ];
  for (const [name, value] of Object.entries(given)) {
    if (!(name in registers) && !others.includes(name)) {
      throw badState(`${path}${name}: a ${bits}-bit TSS has no such field`, value);
    }
    if (name === "trap" && typeof value !== "boolean") {
      throw badState(`${path}trap: expected true or false, got ${show(value)}`, value);
    }
  }
}

function largestOf([, size]: Place): number | bigint {
  return size === 8 ? 0xffff_ffff_ffff_ffffn : 2 ** (size * 8) - 1;
}

function write(view: DataView, [at, size]: Place, value: number | bigint): void {
  if (size === 8) view.setBigUint64(at, value as bigint, true);
  else if (size === 4) view.setUint32(at, value as number, true);
  else view.setUint16(at, value as number, true);
}

function read(view: DataView, [at, size]: Place): number | bigint {
  if (size === 8) return view.getBigUint64(at, true);
  return size === 4 ? view.getUint32(at, true) : view.getUint16(at, true);
}

/**
 * What a TSS says, with every field given.
 *
 * @param bytes the segment up to its limit: a bitmap that goes on beyond it lets nothing pass there
 * @throws LayoutError `NOT_DECODABLE` where it is too short, or a reserved bit is set
 */
export function decodeTaskState(bytes: Uint8Array, bits: 16): Required<TaskState16>;
export function decodeTaskState(bytes: Uint8Array, bits: 32): Required<TaskState32>;
export function decodeTaskState(bytes: Uint8Array, bits: 64): Required<TaskState64>;
export function decodeTaskState(bytes: Uint8Array, bits: TaskState["bits"]): Required<TaskState>;
export function decodeTaskState(bytes: Uint8Array, bits: TaskState["bits"]): object {
  const { size, registers, trap, ioMapBase } = taskStateForms[bits];
  if (bytes.length < size) {
    throw new LayoutError(`expected a ${bits}-bit TSS of at least ${size} bytes, got ${bytes.length}`, {
      code: "NOT_DECODABLE",
      value: bytes,
    });
  }
  checkReserved(bytes, bits);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const values = Object.entries(registers).map(([name, place]) => [name, read(view, place)]);
  const base = ioMapBase === undefined ? undefined : Number(read(view, ioMapBase));
  return {
    bits,
    ...Object.fromEntries(values),
    ...(trap === undefined ? {} : { trap: read(view, trap) === 1 }),
    ...(base === undefined ? {} : { ioMapBase: base, ports: decodePorts(bytes.subarray(base)) }),
  };
}

function checkReserved(bytes: Uint8Array, bits: TaskState["bits"]): void {
  const { size, registers, trap, ioMapBase } = taskStateForms[bits];
  const places = [...Object.values(registers), ...(ioMapBase === undefined ? [] : [ioMapBase])];
  const isField = (at: number): boolean => places.some(([first, count]) => at >= first && at < first + count);
  for (let at = 0; at < size; at += 1) {
    const reserved = bytes[at]! & (at === trap?.[0] ? 0xfe : 0xff);
    if (reserved === 0 || isField(at)) continue;
    throw new LayoutError(`reserved in a ${bits}-bit TSS, but set: byte ${at}`, {
      code: "NOT_DECODABLE",
      value: bytes,
    });
  }
}

function badState(message: string, value: unknown): LayoutError {
  return new LayoutError(message, { code: "BAD_TASK_STATE", value });
}
