/** What the guest is about to execute. */
import type { VirtAddr } from "../../core/address.ts";
import { MAX_INSTRUCTION_SIZE, type Disassembler, type Instruction } from "../../disasm/disassemble.ts";
import type { GeneralRegisters } from "../../layout/cpu-state.ts";
import type { ImageProgram } from "../../layout/image.ts";
import { PAGE_SIZE } from "../calls/guest-memory.ts";
import type { SpecialRegisters } from "../calls/registers.ts";
import type { Vcpu } from "../calls/vcpu.ts";
import type { Vm } from "../calls/vm.ts";
import { KvmError } from "../kvm-error.ts";
import { codeBits, linearAddress, placeOf, type GuestLocation } from "../machine/location.ts";

/** The guest between two instructions. */
export interface Sight {
  readonly regs: GeneralRegisters;
  readonly sregs: SpecialRegisters;
  /** Where it is. */
  readonly location: GuestLocation;
  /** What lies there; `undefined` where no memory is, or bytes that are no instruction. */
  readonly instruction: Instruction | undefined;
}

/** What is needed to look at a guest. */
export interface Viewpoint {
  readonly vm: Vm;
  readonly vcpu: Vcpu;
  readonly programs: readonly ImageProgram[];
  readonly disassembler: Disassembler;
}

/** Looks at the guest where it is now. */
export function lookAt({ vm, vcpu, programs, disassembler }: Viewpoint): Sight {
  const regs = vcpu.getRegs();
  const sregs = vcpu.getSregs();
  const linear = linearAddress(regs.rip, sregs);
  const { valid, physicalAddress } = vcpu.translate(linear);
  const place = placeOf(programs, valid ? physicalAddress : undefined);
  const bytes = readCode(vm, vcpu, linear);
  const instruction = disassembler.first({ bytes, mode: codeBits(sregs), address: regs.rip });
  return { regs, sregs, location: { rip: regs.rip, linear, ...place }, instruction };
}

/** The bytes at a linear address, as many as an instruction may have; fewer where mappings or memory end before. */
function readCode(vm: Vm, vcpu: Vcpu, linear: VirtAddr): Uint8Array {
  const code = new Uint8Array(MAX_INSTRUCTION_SIZE);
  let done = 0;
  while (done < code.length) {
    const at = BigInt.asUintN(64, linear + BigInt(done));
    const { valid, physicalAddress } = vcpu.translate(at);
    const size = Math.min(code.length - done, Number(PAGE_SIZE - (at % PAGE_SIZE)));
    const part = valid ? readIfMemory(vm, physicalAddress, size) : undefined;
    if (part === undefined) break;
    code.set(part, done);
    done += size;
  }
  return code.subarray(0, done);
}

/** Code may also lie where there is no memory: its fetch exits, or fails. */
export function readIfMemory(vm: Vm, at: bigint, size: number): Uint8Array | undefined {
  try {
    return vm.readMemory(at, size);
  } catch (error) {
    if (error instanceof KvmError && error.code === "BAD_ARGUMENT") return undefined;
    throw error;
  }
}

/** The privilege level that code runs at: 0 to 3. It is the DPL of SS, in every mode (SDM vol. 3A, 5.5; vol. 3C, 24.4.1). */
export function privilegeLevel({ segments }: SpecialRegisters): number {
  return segments.ss.dpl;
}
