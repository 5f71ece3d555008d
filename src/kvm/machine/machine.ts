/** A guest, loaded and ready to run: one VM, one vCPU, and the stream of exits. */
import type { PhysAddr, VirtAddr } from "../../core/address.ts";
import type { GeneralRegisters } from "../../layout/cpu-state.ts";
import type { Instruction } from "../../disasm/disassemble.ts";
import type { Debugger } from "../debug/debugger.ts";
import type { Exit } from "../exits/exits.ts";
import type { Finding } from "../explain/finding.ts";
import type { LoadableImage } from "./load-image.ts";
import type { GuestLocation } from "./location.ts";
import type { KvmKind } from "../host/platform.ts";
import type { SpecialRegisters } from "../calls/registers.ts";
import type { RunOptions, StreamOptions } from "./run-options.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import type { SnapshotOptions } from "../snapshot/snapshot-options.ts";
import type { TranscriptExit } from "../transcript/transcript.ts";
import type { Vcpu } from "../calls/vcpu.ts";
import type { Vm } from "../calls/vm.ts";

/**
 * A guest on KVM. Every method throws {@link KvmError}: `CLOSED` after `close()`, `BAD_ARGUMENT` for an argument that makes
 * no sense, `IOCTL_FAILED` where the kernel refuses. What the guest does wrong is an exit, never an error.
 *
 * Close it: nothing else does. A machine that is only dropped keeps its memory and three file descriptors until the process
 * ends.
 */
export interface Machine {
  /** What it was booted from. */
  readonly image: LoadableImage;
  /** Which KVM runs it. */
  readonly kind: KvmKind;
  /** The VM below. */
  readonly vm: Vm;
  /** The vCPU below. */
  readonly vcpu: Vcpu;
  /**
   * Runs the guest, exit by exit, on the calling thread. The stream ends after `hlt`, `shutdown`, `internal-error`,
   * `fail-entry`, `timeout`, `interrupted`, `exit-limit` and `guest-exit`; calling again goes on from there, and so it does after `break`. To answer
   * `io-in` and `mmio-read`, write to their `data` before the next step.
   *
   * While the guest runs, no other JavaScript of this thread does. A signal ends the run as `interrupted`: return to the
   * event loop, and its handler is called. Signals that ask nobody to stop (SIGCHLD, SIGPROF, SIGURG, SIGWINCH) wait.
   *
   * @example
   * ```ts
   * for (const exit of machine.run({ timeout: "1s" })) {
   *   if (exit.kind === "io-out") process.stdout.write(exit.data);
   *   else if (exit.kind === "io-in") exit.data.fill(0xaa);
   * }
   * ```
   */
  run(options?: RunOptions): IterableIterator<Exit, void, undefined>;
  /**
   * The same exits in the same order, beside the event loop: the guest runs for at most 2 ms at a time, and only while its
   * consumer waits for the next exit. It ends as `run` does; where `signal` is aborted, it throws the signal's reason.
   * `break` and `return()` end it, and a `next()` that is pending; the next stream goes on from there.
   *
   * @example
   * ```ts
   * for await (const exit of machine.stream({ signal: AbortSignal.timeout(60_000), timeout: Infinity })) {
   *   if (exit.kind === "io-out") await file.write(exit.data);
   * }
   * ```
   */
  stream(options?: StreamOptions): AsyncIterableIterator<Exit, void, undefined>;
  /**
   * Completes the instruction that the last exit stopped in, and runs nothing more: an answer is taken, registers are those
   * after the instruction. What the instruction still exits with, as `rep ins` may, is the first exit of the next run; then the
   * answer is `false`, and it is not complete yet.
   */
  complete(): boolean;
  /** The general registers. While an input exit waits for its answer, they are those before the instruction. */
  registers(): GeneralRegisters;
  /** Segments, descriptor tables, control registers and EFER. */
  specialRegisters(): SpecialRegisters;
  /**
   * Where the guest is: RIP, and what of the image's programs lies there. With an exit, the last one, the instruction that it
   * came from: KVM leaves RIP at that instruction or behind it, as the exit's kind has it. An instruction that has written is
   * completed for this.
   *
   * @example
   * ```ts
   * locationToText(machine.where(exit)); // "boot+0x12 (examples/long-mode.ts:14)"
   * ```
   */
  where(exit?: Exit): GuestLocation;
  /**
   * Why the guest ended with `shutdown`, `internal-error` or `fail-entry`, from the state that was left: the most likely cause
   * first, then why each exception that it led to could not be delivered. Nothing for other exits. What the state does not
   * say is not claimed. Call it before the machine runs on. The first
   * call for such an exit loads the disassembler.
   *
   * @example
   * ```ts
   * for (const { text } of await machine.explain(exit)) console.log(text);
   * // mov rax, [0x7000] at guest (guest.ts:4) raised #PF(0x0): it reads 8 bytes at 0x7000, which is not mapped
   * // no exception can be delivered: the guest has no IDT (IDTR's limit is 0x0)
   * ```
   */
  explain(exit: Exit | TranscriptExit): Promise<readonly Finding[]>;
  /**
   * The debugger: breakpoints, watchpoints, single steps and traces, within what the host's KVM can do. It is always the same
   * one. The first call loads the disassembler and probes the host; a machine that is not debugged pays nothing.
   */
  debug(): Promise<Debugger>;
  /**
   * The instructions that bytes are for the guest's present mode, up to bytes that are none.
   *
   * @param code such as the `instruction` of an `internal-error` exit
   * @param at the offset into CS where they lie; where the guest is unless given
   * @example
   * ```ts
   * if (exit.kind === "internal-error" && exit.instruction !== undefined) {
   *   const [refused] = await machine.disassemble(exit.instruction);
   *   console.log(`KVM cannot emulate ${refused?.text}`);
   * }
   * ```
   */
  disassemble(code: Uint8Array, at?: VirtAddr): Promise<readonly Instruction[]>;
  /** A copy of `size` bytes of guest-physical memory from `at` on; all of them must be memory. */
  readMemory(at: PhysAddr, size: number): Uint8Array;
  /** Copies bytes into guest-physical memory; all of them must be memory, or none is written. */
  writeMemory(at: PhysAddr, bytes: Uint8Array): void;
  /**
   * The whole machine as it is: memory, registers, FPU, model-specific registers, events, interrupt controllers. An instruction
   * that waits for its answer is completed first. Time goes on: the time stamp counter is no part of it, and neither are
   * devices of `run`. Throws {@link KvmError} `BAD_ARGUMENT` in the middle of an instruction that still has exits.
   *
   * @example
   * ```ts
   * const start = machine.snapshot();
   * for (const input of inputs) {
   *   machine.writeMemory(0x5000n, input);
   *   for (const exit of machine.run({ timeout: "10ms" })) record(exit);
   *   machine.restore(start);
   * }
   * ```
   */
  snapshot(options?: SnapshotOptions): Snapshot;
  /**
   * Goes back to a snapshot of this machine. It costs what was written to since that snapshot was taken or last restored;
   * after another snapshot was, all memory that was ever touched. Exits that nobody took are dropped.
   */
  restore(snapshot: Snapshot): void;
  /** Gives back its memory, its file descriptors and its clock. Nothing happens the second time. */
  close(): void;
  [Symbol.dispose](): void;
}
