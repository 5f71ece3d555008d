/**
 * Runs an image on KVM and reads every exit. Importing it does nothing, on any platform; {@link boot} and {@link Kvm.open}
 * want Linux on x86-64 with `/dev/kvm`.
 */
export { guestDebugFlags, memoryFlags } from "./abi-constant.ts";
export type { ExitReasonName, InternalErrorName, SystemEventName } from "./abi-constant.ts";
export { boot, type BootOptions } from "./boot.ts";
export { capabilityNumbers, type CapabilityName } from "./capabilities.ts";
export type { CpuidEntry } from "./cpuid.ts";
export { editCpuid, hasCpuidFeature, type CpuidFeature } from "./cpuid-features.ts";
export type { Answer, Device, EndRun, MmioDevice, PortDevice, ReadHandlers, Timing, WriteHandlers } from "./device.ts";
export type { SnapshotPart } from "./cpu-snapshot.ts";
export type { Duration } from "./duration.ts";
export type {
  AccessExit,
  IoInExit,
  IoOutExit,
  MmioReadExit,
  MmioWriteExit,
  MsrExitReason,
  RdmsrExit,
  WrmsrExit,
} from "./exit-access.ts";
export type {
  ApResetHoldExit,
  BusLockExit,
  DirtyRingFullExit,
  HypercallExit,
  HypervHypercallExit,
  HypervSyndbgExit,
  HypervSynicExit,
  InterfaceExit,
  IoapicEoiExit,
  IrqWindowOpenExit,
  MemoryFaultExit,
  NotifyExit,
  SetTprExit,
  SystemEventExit,
  TdxExit,
  TprAccessExit,
  XenHypercallExit,
} from "./exit-interface.ts";
export type {
  AnswerableExit,
  DebugExit,
  ExceptionExit,
  Exit,
  ExitLimitExit,
  FailEntryExit,
  GuestExit,
  HardwareExit,
  HltExit,
  InternalErrorExit,
  InterruptedExit,
  NmiExit,
  ShutdownExit,
  TimeoutExit,
  UnknownExit,
} from "./exits.ts";
export { KvmError, type KvmErrorCode, type KvmErrorDetails } from "./kvm-error.ts";
export { locationToText, type GuestLocation } from "./location.ts";
export type { LoadableImage, Machine } from "./machine.ts";
export type { Msr } from "./msrs.ts";
export { kvmKind, type KvmKind } from "./platform.ts";
export { DEFAULT_TIMEOUT, type CommonRunOptions, type RunOptions, type StreamOptions } from "./run-options.ts";
export type { SpecialRegisters } from "./registers.ts";
export { serialPort, type SerialOptions, type SerialPort } from "./serial.ts";
export type { Snapshot, SnapshotOptions } from "./snapshot.ts";
export { Kvm, type KvmOpener, type KvmOptions } from "./system.ts";
export { debugConsole, exitDevice, type DebugConsole, type DebugConsoleOptions } from "./test-devices.ts";
export type { GuestDebug, Translation, Vcpu } from "./vcpu.ts";
export type { VcpuState } from "./vcpu-state.ts";
export type { DebugRegisters, Fpu, MpState, VcpuEvents, Xcr } from "./vcpu-structs.ts";
export type { ClockData, IrqchipName, MsrFilterRange, Msi, VmState } from "./vm-state.ts";
export type { CoalescedZone, UserMemoryRegion, Vm } from "./vm.ts";
