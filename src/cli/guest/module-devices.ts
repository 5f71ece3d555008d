/** The devices that a guest's module exports, checked, as nothing has read its types. */
import { show } from "../../core/show.ts";
import type { Device, StreamOptions } from "../../kvm/index.ts";
import { CliError } from "../cli-error.ts";
import type { ModuleExports } from "./guest-module.ts";
import { moduleFailure } from "./module-failure.ts";

type AnyDevice = NonNullable<StreamOptions["devices"]>[number];

/** The name of the export. */
const exportName = "devices";

/** Where a device can be, the type of its first address, and the sizes of access that it can have handlers for. */
const kinds = {
  ports: { first: "number", sizes: ["u8", "u16", "u32"] },
  mmio: { first: "bigint", sizes: ["u8", "u16", "u32", "u64"] },
} as const;

const example =
  'export const devices: Device[] = [{ name: "clock", ports: { at: 0x70, size: 2 }, read: { u8: () => 0 } }]';

/** The devices; none where the module exports none. Throws {@link CliError} `NO_DEVICES`. */
export function devicesOfModule(file: string, exports: ModuleExports | undefined): readonly AnyDevice[] {
  const devices = exports?.get(exportName);
  if (devices === undefined) return [];
  const refuse: Refuse = (path, must, value) => {
    throw new CliError(`${file} exports ${exportName}, and ${path} must be ${must}; got ${show(value)}`, {
      code: "NO_DEVICES",
      value,
      hint: example,
    });
  };
  if (!Array.isArray(devices)) return refuse(exportName, "an array of devices", devices);
  return devices.map((device: unknown, index) => deviceOf(file, `${exportName}[${index}]`, device, refuse));
}

type Refuse = (path: string, must: string, value: unknown) => never;

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields => typeof value === "object" && value !== null;

/** A device whose handlers fail as the author's code. Ranges are checked where devices are put together. */
function deviceOf(file: string, path: string, device: unknown, refuse: Refuse): AnyDevice {
  if (!isObject(device)) return refuse(path, "a device", device);
  if (typeof device["name"] !== "string") return refuse(`${path}.name`, "text", device["name"]);
  const kind = (["ports", "mmio"] as const).find((each) => device[each] !== undefined);
  if (kind === undefined) return refuse(`${path}.ports`, "a range of ports, or .mmio one of addresses", undefined);
  const range = device[kind];
  const { first, sizes } = kinds[kind];
  if (!isObject(range)) return refuse(`${path}.${kind}`, "a range", range);
  if (typeof range["at"] !== first) return refuse(`${path}.${kind}.at`, `a ${first}`, range["at"]);
  if (typeof range["size"] !== "number") return refuse(`${path}.${kind}.size`, "a number", range["size"]);
  const handlers = (["read", "write"] as const).map((direction) => {
    const given = device[direction];
    if (given === undefined) return [direction, {}] as const;
    if (!isObject(given)) return refuse(`${path}.${direction}`, "an object of handlers", given);
    const known = Object.entries(given).map(([size, handler]) => {
      if (!(sizes as readonly string[]).includes(size))
        return refuse(`${path}.${direction}`, `handlers named ${sizes.join(", ")}`, size);
      if (handler === undefined) return [size, handler] as const;
      if (typeof handler !== "function") return refuse(`${path}.${direction}.${size}`, "a function", handler);
      return [size, guarded(file, handler as Handler)] as const;
    });
    return [direction, Object.fromEntries(known)] as const;
  });
  return { name: device["name"], [kind]: range, ...Object.fromEntries(handlers) } as unknown as Device;
}

type Handler = (...given: readonly unknown[]) => unknown;

/** A handler of an author: what it throws, or what its promise is rejected with, is told as the module's failure. */
function guarded(file: string, handler: Handler): Handler {
  const fail = (error: unknown): never => {
    throw moduleFailure(file, "fails", error);
  };
  return (...given) => {
    try {
      const answer = handler(...given);
      return answer instanceof Promise ? answer.catch(fail) : answer;
    } catch (error) {
      return fail(error);
    }
  };
}
