/**
 * Runs an image on KVM and reads every exit. Importing it does nothing, on any platform; {@link boot} and {@link Kvm.open}
 * want Linux on x86-64 with `/dev/kvm`.
 */
export { guestDebugFlags, memoryFlags } from "./abi/constants.ts";
export type { ExitReasonName, InternalErrorName, SystemEventName } from "./abi/constants.ts";
export { boot, type BootOptions } from "./machine/boot.ts";
export { capabilityNumbers, type CapabilityName } from "./calls/capabilities.ts";
export type { CpuidEntry } from "./calls/cpuid.ts";
export { editCpuid, hasCpuidFeature, type CpuidFeature } from "./calls/cpuid-features.ts";
export type {
  Answer,
  Device,
  EndRun,
  MmioDevice,
  PortDevice,
  ReadHandlers,
  Timing,
  WriteHandlers,
} from "./devices/device.ts";
export type { Breakpoint, DebugPoint, WatchedAccess, Watchpoint } from "./debug/debug-point.ts";
export type { DebugPoints, WatchOptions } from "./debug/debug-points.ts";
export type { Debugger, TraceOptions } from "./debug/debugger.ts";
export { probeDebugging, type DebugSupport, type DebugSupportOfLevel } from "./debug/probe.ts";
export type { RegisterChange, RegisterChanges, RegisterName } from "./debug/register-changes.ts";
export { stepToText, type Step } from "./debug/step.ts";
export type { TraceEvent } from "./debug/trace.ts";
export type { Instruction } from "../disasm/disassemble.ts";
export { bootSmp, type SmpBootOptions } from "./smp/boot-smp.ts";
export type { SmpDebugger, SmpTraceOptions } from "./smp/smp-debugger.ts";
export type { SmpMachine } from "./smp/smp-machine.ts";
export type { VcpuExit } from "./smp/vcpu-cluster.ts";
export type { Duration } from "./machine/duration.ts";
export type {
  AccessExit,
  IoInExit,
  IoOutExit,
  MmioReadExit,
  MmioWriteExit,
  MsrExitReason,
  RdmsrExit,
  WrmsrExit,
} from "./exits/exit-access.ts";
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
} from "./exits/exit-interface.ts";
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
} from "./exits/exits.ts";
export type {
  EmulationFinding,
  EntryRuleFinding,
  ExceptionCause,
  ExceptionFinding,
  Finding,
  HandlerFinding,
  PageFaultAddressFinding,
  StateResetFinding,
  StrayFinding,
  UndeliverableFinding,
  UndeliverableReason,
  UnknownFinding,
} from "./explain/finding.ts";
export { KvmError, type KvmErrorCode, type KvmErrorDetails } from "./kvm-error.ts";
export { locationToText, type GuestLocation } from "./machine/location.ts";
export type { LoadableImage } from "./machine/load-image.ts";
export type { Machine } from "./machine/machine.ts";
export type { Msr } from "./calls/msrs.ts";
export { kvmKind, type KvmKind } from "./host/platform.ts";
export { DEFAULT_TIMEOUT, type CommonRunOptions, type RunOptions, type StreamOptions } from "./machine/run-options.ts";
export type { SpecialRegisters, SpecialRegisters2 } from "./calls/registers.ts";
export { serialPort, type SerialOptions, type SerialPort } from "./devices/serial.ts";
export type { Snapshot } from "./snapshot/snapshot.ts";
export type { SnapshotOptions, SnapshotPart } from "./snapshot/snapshot-options.ts";
export { Kvm, type KvmOpener, type KvmOptions } from "./calls/system.ts";
export { debugConsole, exitDevice, type DebugConsole, type DebugConsoleOptions } from "./devices/test-devices.ts";
export type { Vcpu } from "./calls/vcpu.ts";
export type { GuestDebug, InterruptState, VcpuPages } from "./calls/vcpu-pages.ts";
export type { MachineCheck, VcpuControl } from "./calls/vcpu-control.ts";
export type { Translation, VcpuRegisters } from "./calls/vcpu-registers.ts";
export type { VcpuState } from "./calls/vcpu-state.ts";
export type { DeviceAttribute } from "./calls/device-attributes.ts";
export type { DirtyPage } from "./calls/dirty-ring.ts";
export type { Statistic, StatisticType, StatisticUnit } from "./calls/statistics.ts";
export type { SyncPart, SyncRegisters } from "./calls/sync-registers.ts";
export type { DebugRegisters, Fpu, MpState, VcpuEvents, Xcr } from "./calls/vcpu-structs.ts";
export type { MsrFilterRange } from "./calls/msr-filter.ts";
export type { Ioeventfd, Irqfd, VmEvents } from "./calls/vm-events.ts";
export type { GsiRoute, IrqchipName, Msi, VmInterrupts } from "./calls/vm-interrupts.ts";
export type { ClockData, PmuEventFilter, VmState } from "./calls/vm-state.ts";
export type { EventFd } from "./host/eventfd.ts";
export { msrIndices, type MsrName } from "./abi/msr-names.ts";
export type { CoalescedZone } from "./calls/coalesced.ts";
export type { Vm } from "./calls/vm.ts";
export type { SharedMemory, UserMemoryRegion, VmMemory } from "./calls/vm-memory.ts";
export { record, type Recorder, type RecorderOptions } from "./transcript/recorder.ts";
export { replay, replayStream, type Replay } from "./transcript/replay.ts";
export type { ReplayDifference } from "./transcript/replay-cursor.ts";
export { recordSmp, transcribeSmp, type SmpRecorder, type TranscribeSmpOptions } from "./transcript/smp-recorder.ts";
export {
  transcribe,
  transcribeStream,
  type TranscribeOptions,
  type TranscribeStreamOptions,
} from "./transcript/transcribe.ts";
export { transcriptFromJson, transcriptToJson } from "./transcript/transcript-json.ts";
export { exitToText, transcriptToText } from "./transcript/transcript-text.ts";
export {
  isTranscript,
  type Transcript,
  type TranscriptEnd,
  type TranscriptExit,
  type TranscriptNotes,
} from "./transcript/transcript.ts";
