/** guestwright: write bare-metal x86 guests, lay them out, run them on KVM. The parts that a guest's author uses. */
export * from "./asm/index.ts";
export type { PhysAddr, VirtAddr } from "./core/address.ts";
export { GuestwrightError, type ErrorDetails } from "./core/error.ts";
export { hex, hexBytes } from "./core/hex.ts";
export { hexdump } from "./core/hexdump.ts";
export type { MacroCall, SourceLocation } from "./core/source.ts";
export type { Size } from "./core/units.ts";
export {
  boot,
  bootSmp,
  debugConsole,
  exitDevice,
  Kvm,
  KvmError,
  kvmKind,
  locationToText,
  probeDebugging,
  serialPort,
  stepToText,
  type BootOptions,
  type Debugger,
  type Device,
  type Exit,
  type GuestLocation,
  type KvmErrorCode,
  type Machine,
  type RunOptions,
  type SmpMachine,
  type Snapshot,
  type Step,
  type StreamOptions,
} from "./kvm/index.ts";
export * from "./layout/index.ts";
export { PagingError, type Access, type Mapping } from "./paging/index.ts";
export { imageToHtml, type ImageHtmlOptions } from "./picture/index.ts";
