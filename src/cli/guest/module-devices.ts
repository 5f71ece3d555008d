/** The devices that a guest's module exports, checked, as nothing has read its types. */
import { show } from "../../core/show.ts";
import { deviceProblem } from "../../kvm/devices/device-problem.ts";
import type { StreamOptions } from "../../kvm/index.ts";
import { CliError } from "../cli-error.ts";
import type { ModuleExports } from "./guest-module.ts";
import { moduleFailure } from "./module-failure.ts";

type AnyDevice = NonNullable<StreamOptions["devices"]>[number];

/** The name of the export. */
const exportName = "devices";

const example =
  'export const devices: Device[] = [{ name: "clock", ports: { at: 0x70, size: 2 }, read: { u8: () => 0 } }]';

/** The devices; none where the module exports none. Throws {@link CliError} `NO_DEVICES`. */
export function devicesOfModule(file: string, exports: ModuleExports | undefined): readonly AnyDevice[] {
  const devices = exports?.get(exportName);
  if (devices === undefined) return [];
  const problem = deviceProblem(devices, exportName);
  if (problem !== undefined) {
    const { path, must, value } = problem;
    const message = `${file} exports ${exportName}, and ${path} must be ${must}; got ${show(value)}`;
    throw new CliError(message, { code: "NO_DEVICES", value, hint: example });
  }
  return (devices as readonly AnyDevice[]).map((device) => guardedDevice(file, device));
}

/** A device whose handlers fail as the author's code. */
function guardedDevice(file: string, device: AnyDevice): AnyDevice {
  const handlers = (["read", "write"] as const).map((direction) => {
    const given: Readonly<Record<string, Handler | undefined>> = { ...device[direction] };
    const guards = Object.entries(given).map(([size, handler]) => [size, handler && guarded(file, handler)] as const);
    return [direction, Object.fromEntries(guards)] as const;
  });
  const range = "ports" in device ? { ports: device.ports } : { mmio: device.mmio };
  return { name: device.name, ...range, ...Object.fromEntries(handlers) };
}

type Handler = (...given: never[]) => unknown;

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
