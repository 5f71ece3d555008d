/** A VM with one vCPU in real mode, for tests of single calls. */
import { Kvm, type Exit, type Vcpu, type Vm } from "../../src/kvm/index.ts";
import { realModeCpu, zeroRegisters } from "./images.ts";

/** How the VM is made. */
export interface VmSetup {
  /** At physical 0, where the vCPU starts; `hlt` unless given. */
  readonly code?: readonly number[];
  /** In bytes; 4096 unless given. */
  readonly memory?: bigint;
  /** Of slot 0; 0 unless given. */
  readonly flags?: number;
  /** With an irqchip in the kernel; not unless given. */
  readonly irqchip?: boolean;
  /** Called before the first vCPU. */
  readonly before?: (vm: Vm) => void;
}

/** A VM with memory at 0 and a vCPU in real mode there, its stack at 0x800. */
export async function withVcpu(
  body: (vcpu: Vcpu, vm: Vm, kvm: Kvm) => void,
  { code = [0xf4], memory = 0x1000n, flags = 0, irqchip = false, before }: VmSetup = {},
): Promise<void> {
  using kvm = await Kvm.open();
  using vm = kvm.createVm();
  before?.(vm);
  if (irqchip) vm.createIrqchip();
  vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memorySize: memory, flags });
  vm.writeMemory(0n, Uint8Array.from(code));
  const vcpu = vm.createVcpu(0);
  vcpu.setCpuid2(kvm.getSupportedCpuid());
  const { apicBase, interruptBitmap } = vcpu.getSregs();
  vcpu.setSregs({ ...realModeCpu, apicBase, interruptBitmap });
  vcpu.setRegs({ ...zeroRegisters, rsp: 0x800n });
  body(vcpu, vm, kvm);
}

/** The next exits of a vCPU, up to the first `hlt` or so many. */
export function exitsOf(vcpu: Vcpu, most = 100): readonly Exit[] {
  const exits: Exit[] = [];
  do exits.push(vcpu.run());
  while (exits.at(-1)!.kind !== "hlt" && exits.length < most);
  return exits;
}
