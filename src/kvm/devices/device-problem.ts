/** Whether a value is a list of devices: authors without types learn here what is amiss, before a guest runs. */
/** What is wrong: `path` must be `must`, and is `value`. */
export interface DeviceProblem {
  readonly path: string;
  readonly must: string;
  readonly value: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/** Where a device can be, the type of its first address, and the sizes of access that it can have handlers for. */
const kinds = {
  ports: { first: "number", sizes: ["u8", "u16", "u32"] },
  mmio: { first: "bigint", sizes: ["u8", "u16", "u32", "u64"] },
} as const;

const directions = ["read", "write"] as const;

/** The first thing that is wrong with a list of devices; whether its ranges are ranges, and apart, is asked elsewhere. */
export function deviceProblem(devices: unknown, path = "devices"): DeviceProblem | undefined {
  if (!Array.isArray(devices)) return { path, must: "an array of devices", value: devices };
  return first(devices.map((device: unknown, index) => () => problemOf(`${path}[${index}]`, device)));
}

function problemOf(path: string, device: unknown): DeviceProblem | undefined {
  if (!isObject(device)) return { path, must: "a device", value: device };
  const kind = device["ports"] === undefined ? "mmio" : "ports";
  const { first: type, sizes } = kinds[kind];
  const range = device[kind];
  return first([
    () => mistake(typeof device["name"] === "string", `${path}.name`, "text", device["name"]),
    () => mistake(range !== undefined, `${path}.ports`, "a range of ports, or .mmio one of addresses", undefined),
    () => mistake(isObject(range), `${path}.${kind}`, "a range, { at, size }", range),
    () => mistake(typeof field(range, "at") === type, `${path}.${kind}.at`, `a ${type}`, field(range, "at")),
    () => mistake(typeof field(range, "size") === "number", `${path}.${kind}.size`, "a number", field(range, "size")),
    ...directions.map((direction) => () => handlerProblem(`${path}.${direction}`, device[direction], sizes)),
  ]);
}

function handlerProblem(path: string, handlers: unknown, sizes: readonly string[]): DeviceProblem | undefined {
  if (handlers === undefined) return undefined;
  if (!isObject(handlers)) return { path, must: "an object of handlers", value: handlers };
  return first(
    Object.entries(handlers).map(([size, handler]) => () => {
      if (!sizes.includes(size)) return { path, must: `handlers named ${sizes.join(", ")}`, value: size };
      return mistake(handler === undefined || typeof handler === "function", `${path}.${size}`, "a function", handler);
    }),
  );
}

function mistake(isRight: boolean, path: string, must: string, value: unknown): DeviceProblem | undefined {
  return isRight ? undefined : { path, must, value };
}

function first(checks: readonly (() => DeviceProblem | undefined)[]): DeviceProblem | undefined {
  for (const check of checks) {
    const problem = check();
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function field(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}
