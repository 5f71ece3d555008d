/**
 * What JavaScript without types may pass: every method is called with good arguments of which one part, at any depth, is replaced
 * by a wrong value. Whatever is thrown is an error of this package, and the machine lives on.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { GuestwrightError } from "../../src/index.ts";
import {
  boot,
  bootSmp,
  editCpuid,
  exitToText,
  hasCpuidFeature,
  Kvm,
  locationToText,
  probeDebugging,
  record,
  recordSmp,
  stepToText,
  transcribe,
  transcribeSmp,
  transcribeStream,
  type Machine,
  type SmpMachine,
  type Vcpu,
  type Vm,
} from "../../src/kvm/index.ts";
import { realMode, realModeCpu, zeroRegisters } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";

const wrongValues: readonly unknown[] = [
  ...[undefined, null, 5, 5n, "x", {}, [], [null], Symbol("wrong"), Object.create(null)],
  ...[Number.NaN, -1, 1.5, 2 ** 64, true, () => undefined, () => [null], new Uint8Array(3)],
];

/** A value with each of its parts, and itself, replaced by each wrong value. */
function* variants(good: unknown): Generator {
  yield* wrongValues;
  if (Array.isArray(good)) {
    for (const [index, part] of good.entries()) {
      for (const wrong of variants(part)) yield good.with(index, wrong);
    }
  } else if (typeof good === "object" && good !== null && !ArrayBuffer.isView(good)) {
    for (const [name, part] of Object.entries(good)) {
      for (const wrong of variants(part)) yield { ...good, [name]: wrong };
    }
  }
}

type Loose = Record<string, (...values: unknown[]) => unknown>;

/** What is thrown, at once or later, that is no error of this package. */
async function foreignErrors(subject: object, method: string, good: readonly unknown[]): Promise<readonly unknown[]> {
  const foreign: unknown[] = [];
  for (const [index, argument] of good.entries()) {
    for (const wrong of variants(argument)) {
      try {
        const result = await (subject as Loose)[method]!(...good.with(index, wrong));
        (result as Partial<Disposable> | undefined)?.[Symbol.dispose]?.();
      } catch (error) {
        if (!(error instanceof GuestwrightError)) foreign.push(error);
      }
    }
  }
  return foreign;
}

/** Good arguments by method, of those that take any. */
type GoodArguments = Readonly<Record<string, readonly unknown[]>>;

const attribute = { group: 0, attr: 0n };
const page = new Uint8Array(4096);
const runOptions = { timeout: "1ms", maxExits: 1, includeHandled: true, devices: [] };
const streamOptions = { ...runOptions, signal: new AbortController().signal };
const device = { name: "a", ports: { at: 1, size: 1 }, read: { u8: () => 0 } };
const entry = { function: 1, index: 0, flags: 0, eax: 0, ebx: 0, ecx: 0, edx: 0 };
const special = { ...realModeCpu, apicBase: 0xfee0_0900n, interruptBitmap: [0n, 0n, 0n, 0n] };
const zone = { addr: 0x8000n, size: 4, pio: false };
const { regs: _, ...special2 } = { ...realModeCpu, apicBase: 0xfee0_0900n, pdptrs: [0n, 0n, 0n, 0n] };

const ofKvm: GoodArguments = {
  checkExtension: ["KVM_CAP_NR_VCPUS"],
  getMsrFeatures: [["IA32_ARCH_CAPABILITIES"]],
  hasDeviceAttr: [attribute],
  getDeviceAttr: [attribute],
};

const ofVm: GoodArguments = {
  setUserMemoryRegion: [
    { slot: 1, flags: 0, guestPhysAddr: 0x10_0000n, memorySize: 0x1000n, shared: { slot: 0, offset: 0n } },
  ],
  registerCoalescedMmio: [zone],
  unregisterCoalescedMmio: [zone],
  getDirtyLog: [0],
  clearDirtyLog: [0, page.subarray(0, 8), 0n],
  enableDirtyRing: [0x4000],
  readMemory: [0n, 1],
  writeMemory: [0n, page],
  setTssAddr: [0xfffb_d000n],
  setIdentityMapAddr: [0xfffb_c000n],
  setBootCpuId: [0],
  setNrMmuPages: [64],
  createVcpu: [1],
  irqfd: [{ eventFd: undefined, gsi: 0, resample: undefined, deassign: true }],
  ioeventfd: [{ eventFd: undefined, addr: 0n, length: 4, pio: true, dataMatch: 0n, deassign: true }],
  irqLine: [0, false],
  irqLineStatus: [0, false],
  getIrqchip: ["ioapic"],
  setIrqchip: ["ioapic", page.subarray(0, 512)],
  setGsiRouting: [
    [
      { gsi: 0, irqchip: "ioapic", pin: 0 },
      { gsi: 1, msi: { address: 0n, data: 0 } },
    ],
  ],
  setPit2: [page.subarray(0, 112)],
  reinjectControl: [true],
  signalMsi: [{ address: 0xfee0_0000n, data: 0 }],
  checkExtension: ["KVM_CAP_NR_VCPUS"],
  enableCap: ["KVM_CAP_EXCEPTION_PAYLOAD", [0n]],
  setClock: [{ clock: 0n, flags: 0, realtime: 0n, hostTsc: 0n }],
  setTscKhz: [1_000_000],
  setMsrFilter: ["allow", [{ access: "both", base: "IA32_TSC", allowed: [true] }]],
  setPmuEventFilter: [{ action: "allow", events: [0n], fixedCounters: 0 }],
  hasDeviceAttr: [attribute],
  getDeviceAttr: [attribute],
  setDeviceAttr: [attribute, 0n],
};

const ofVcpu: GoodArguments = {
  setRegs: [zeroRegisters],
  setSregs: [special],
  setSregs2: [special2],
  setCpuid2: [[entry]],
  getMsrs: [["IA32_TSC"]],
  setMsrs: [[{ index: "IA32_TSC_AUX", data: 0n }]],
  getMsr: ["IA32_TSC"],
  setMsr: ["IA32_TSC_AUX", 0n],
  translate: [0n],
  setXsave: [page],
  setXcrs: [[{ xcr: 0, value: 1n }]],
  setMpState: ["runnable"],
  setLapic: [page.subarray(0, 1024)],
  setTscKhz: [1_000_000],
  interrupt: [32],
  setupMce: [1n],
  setMce: [{ bank: 0, status: 0n, addr: 0n, misc: 0n, mcgStatus: 0n }],
  tprAccessReporting: [false],
  setVapicAddr: [0n],
  setNestedState: [page.subarray(0, 128)],
  enableCap: ["KVM_CAP_EXCEPTION_PAYLOAD", [0n]],
  hasDeviceAttr: [attribute],
  getDeviceAttr: [attribute],
  setDeviceAttr: [attribute, 0n],
  setSyncRegs: [["regs", "sregs", "events"]],
  requestInterruptWindow: [false],
  setGuestDebug: [{ control: 0, debugreg: [0n] }],
};

const ofMachine: GoodArguments = {
  run: [{ ...runOptions, devices: [device] }],
  stream: [{ ...streamOptions, devices: [device] }],
  where: [{ kind: "io-out", port: 1, size: 1, count: 1, data: Uint8Array.of(0) }],
  explain: [{ kind: "internal-error", instruction: Uint8Array.of(0x90) }],
  disassemble: [Uint8Array.of(0x90), 0n],
  readMemory: [0n, 1],
  writeMemory: [0x800n, page.subarray(0, 1)],
  snapshot: [{ omit: ["fpu"] }],
  restore: [undefined],
};

const ofSmpMachine: GoodArguments = {
  stream: [streamOptions],
  registers: [0],
  specialRegisters: [0],
  where: [0],
  explain: [{ vcpu: 0, exit: { kind: "shutdown" } }],
  readMemory: [0n, 1],
  writeMemory: [0x800n, page.subarray(0, 1)],
  snapshot: [{ omit: ["fpu"] }],
  restore: [undefined],
};

const points: GoodArguments = {
  breakAt: [0n],
  watch: [0n, { size: 1, on: "write" }],
  remove: [undefined],
};

const ofDebugger: GoodArguments = {
  ...points,
  trace: [{ ...runOptions, maxSteps: 1 }],
  step: [runOptions],
};

const ofSmpDebugger: GoodArguments = {
  ...points,
  trace: [0, { ...streamOptions, maxSteps: 1 }],
  step: [0, streamOptions],
};

/** What has no argument that could be wrong, and what is no part of the interfaces. */
const withoutArguments: Readonly<Record<string, readonly string[]>> = {
  getters: [
    ...["getApiVersion", "getNrVcpus", "getMaxVcpus", "getVcpuMmapSize", "getSupportedCpuid", "getEmulatedCpuid"],
    ...["getMsrIndexList", "getMsrFeatureIndexList", "getMceCapSupported", "getClock", "getTscKhz", "getStatistics"],
    ...["getRegs", "getSregs", "getSregs2", "getCpuid2", "getFpu", "getXsave", "getXsave2", "getXcrs", "getDebugregs"],
    ...["getVcpuEvents", "getMpState", "getLapic", "getNestedState", "getSyncRegs", "getInterruptState", "getPit2"],
    ...["reapDirtyRing", "resetDirtyRings"],
  ],
  actions: [
    ...["createVm", "createEventFd", "createIrqchip", "createPit2", "nmi", "smi", "kvmclockCtrl", "close"],
    ...["complete", "debug", "clear"],
  ],
  "of a vCPU, run without a deadline": ["run"],
  "of a machine with one vCPU": ["registers", "specialRegisters"],
  "structs that a getter gives, below": ["setFpu", "setDebugregs", "setVcpuEvents", "putSyncRegs"],
  internal: [
    ...["snapshotVcpu", "snapshotControllers", "snapshotMemory", "closeEventFds", "get", "set", "call", "beforeCall"],
    ...[
      "setEntryRegisters",
      "setCpuidStruct",
      "setSignalMask",
      "unmap",
      "defer",
      "enter",
      "exit",
      "snapshot",
      "abandon",
    ],
    ...["restore", "drainCoalesced", "beforeClose"],
  ],
};

function methodsOf(subject: object): readonly string[] {
  const methods = new Set<string>();
  for (let each: object = subject; each !== Object.prototype; each = Object.getPrototypeOf(each) as object) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(each))) {
      if (typeof value === "function" && name !== "constructor") methods.add(name);
    }
  }
  return [...methods];
}

describeKvm("values of the wrong type", () => {
  let kvm: Kvm;
  let vm: Vm;
  let vcpu: Vcpu;
  let machine: Machine;
  let smp: SmpMachine;
  const spin = realMode(0xeb, 0xfe);

  beforeAll(async () => {
    kvm = await Kvm.open();
    vm = kvm.createVm();
    vm.createIrqchip();
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memorySize: 0x1000n });
    vcpu = vm.createVcpu(0);
    machine = await boot(spin);
    smp = await bootSmp(spin, { vcpus: 1 });
  });

  afterAll(() => {
    for (const each of [smp, machine, vm, kvm]) each.close();
  });

  test.each<[string, () => object | Promise<object>, GoodArguments]>([
    ["Kvm", () => kvm, ofKvm],
    ["Vm", () => vm, ofVm],
    ["Vcpu", () => vcpu, ofVcpu],
    ["Machine", () => machine, ofMachine],
    ["SmpMachine", () => smp, ofSmpMachine],
    ["Debugger", () => machine.debug(), ofDebugger],
    ["SmpDebugger", () => smp.debug(), ofSmpDebugger],
    ["Kvm itself", () => Kvm, { open: [{ device: "/dev/kvm" }] }],
  ])("%s", async (_name, subjectOf, table) => {
    const subject = await subjectOf();
    const exempt = Object.values(withoutArguments).flat();
    expect(methodsOf(subject).filter((name) => !(name in table) && !exempt.includes(name))).toEqual([]);
    for (const [method, good] of Object.entries(table)) {
      expect(await foreignErrors(subject, method, good), method).toEqual([]);
    }
    const [exit] = machine.run({ timeout: "5ms" });
    expect(exit).toMatchObject({ kind: "timeout" });
    expect(vcpu.getRegs()).toHaveProperty("rip");
  });

  const anything = null as never;
  test.each<[string, () => unknown]>([
    ["the registers must be an object; got null", () => vcpu.setRegs(anything)],
    ["the special registers must be an object; got null", () => vcpu.setSregs(anything)],
    ["segments must be an object; got null", () => vcpu.setSregs({ ...special, segments: anything })],
    [
      "cs must be an object; got null",
      () => vcpu.setSregs({ ...special, segments: { ...special.segments, cs: anything } }),
    ],
    ["gdt must be an object; got null", () => vcpu.setSregs({ ...special, gdt: anything })],
    ["interruptBitmap must be an array; got null", () => vcpu.setSregs({ ...special, interruptBitmap: anything })],
    ["the special registers must be an object; got 5", () => vcpu.setSregs2(5 as never)],
    ["pdptrs must be an array; got null", () => vcpu.setSregs2({ ...special2, pdptrs: anything })],
    ["the FPU's state must be an object; got an array", () => vcpu.setFpu([] as never)],
    ["the debug registers must be an object; got null", () => vcpu.setDebugregs(anything)],
    ["the events must be an object; got null", () => vcpu.setVcpuEvents(anything)],
    ["the machine check must be an object; got null", () => vcpu.setMce(anything)],
    ["the clock must be an object; got null", () => vm.setClock(anything)],
    ["registers must be an array; got null", () => vcpu.getMsrs(anything)],
    ["registers must be an array; got nothing", () => kvm.getMsrFeatures(undefined as never)],
    ["msrs must be an array; got an object", () => vcpu.setMsrs({} as never)],
    ["msrs[0] must be an object; got null", () => vcpu.setMsrs([anything])],
    ["the entries of CPUID must be an array; got null", () => vcpu.setCpuid2(anything)],
    ["the entries of CPUID[0] must be an object; got null", () => vcpu.setCpuid2([anything])],
    ["xcrs must be an array; got null", () => vcpu.setXcrs(anything)],
    ["parts must be an array; got null", () => vcpu.setSyncRegs(anything)],
    ["the shared registers must be an object; got null", () => vcpu.putSyncRegs(anything)],
    ["what setGuestDebug takes must be an object; got null", () => vcpu.setGuestDebug(anything)],
    ["debugreg must be an array; got null", () => vcpu.setGuestDebug({ control: 0, debugreg: anything })],
    ["args must be an array; got null", () => vm.enableCap(0, anything)],
    ["the attribute must be an object; got null", () => vm.hasDeviceAttr(anything)],
    ["ranges must be an array; got null", () => vm.setMsrFilter("allow", anything)],
    ["no access of a filter: null", () => vm.setMsrFilter("allow", [{ access: anything, base: 0, allowed: [] }])],
    [
      "allowed must be an array; got null",
      () => vm.setMsrFilter("allow", [{ access: "read", base: 0, allowed: anything }]),
    ],
    ["the filter must be an object; got null", () => vm.setPmuEventFilter(anything)],
    ["events must be an array; got null", () => vm.setPmuEventFilter({ action: "allow", events: anything })],
    ["routes must be an array; got null", () => vm.setGsiRouting(anything)],
    ["the MSI must be an object; got null", () => vm.setGsiRouting([{ gsi: 0, msi: anything }])],
    ["the MSI must be an object; got null", () => vm.signalMsi(anything)],
    ["what irqfd takes must be an object; got null", () => vm.irqfd(anything)],
    ["what ioeventfd takes must be an object; got null", () => vm.ioeventfd(anything)],
    ["the zone must be an object; got null", () => vm.registerCoalescedMmio(anything)],
    ["pages must be a Uint8Array; got null", () => vm.clearDirtyLog(0, anything)],
    ["the region must be an object; got null", () => vm.setUserMemoryRegion(anything)],
    [
      "shared must be an object; got null",
      () => vm.setUserMemoryRegion({ slot: 9, guestPhysAddr: 0n, memorySize: 0x1000n, shared: anything }),
    ],
    ["the features of CPUID must be an object; got null", () => editCpuid([], anything)],
    ["no such model-specific register: Symbol(a)", () => vcpu.getMsr(Symbol("a") as never)],
    ["no such capability: an object", () => kvm.checkExtension(Object.create(null) as never)],
    ["the exit must be an object; got 5", () => machine.where(5 as never)],
    ["the exit must be an object; got null", () => exitToText(anything)],
    ["the location must be an object; got null", () => locationToText(anything)],
    ["the step must be an object; got null", () => stepToText(anything)],
    ["the step's location must be an object; got nothing", () => stepToText({} as never)],
    ["the options of a run must be an object; got null", () => record(machine).run(anything)],
    ["the options of a run must be an object; got null", () => record(machine).stream(anything)],
    ["the options of a run must be an object; got null", () => recordSmp(smp).stream(anything)],
    ["the options of transcribe must be an object; got null", () => transcribe(machine, anything)],
    ["the options of transcribeStream must be an object; got null", () => transcribeStream(machine, anything)],
    ["the options of transcribeSmp must be an object; got null", () => transcribeSmp(smp, anything)],
    ['record has no option "place"', () => record(machine, { place: true } as never)],
    ["the options of probeDebugging are an object, got null", () => probeDebugging(anything)],
    ["signal must be an AbortSignal; got 5", () => machine.stream({ signal: 5 as never })],
    ["signal must be an AbortSignal; got 5", () => record(machine).stream({ signal: 5 as never })],
    ["code must be a Uint8Array; got null", () => machine.disassemble(anything)],
    ["the exit must be an object; got null", () => machine.explain(anything)],
    [
      "the exit's instruction must be a Uint8Array; got null",
      () => machine.explain({ kind: "internal-error", instruction: anything } as never),
    ],
    ["what explain takes must be an object; got null", () => smp.explain(anything)],
    ["cpuid must be a function; got 5", () => boot(spin, { cpuid: 5 as never })],
    ["what cpuid gives must be an array; got nothing", () => boot(spin, { cpuid: () => undefined as never })],
    ["memory region 0 must be an object; got null", () => boot({ ...spin, memory: [anything] })],
    [
      "memory region 0: size is no bigint: 4096",
      () => boot({ ...spin, memory: [{ ...spin.memory[0]!, size: 4096 as never }] }),
    ],
    ["the image's chunks[0] must be an object; got null", () => boot({ ...spin, chunks: [anything] })],
    ["the special registers must be an object; got null", () => boot({ ...spin, cpu: anything })],
    ['Kvm.open has no option "devise"', () => Kvm.open({ devise: "/dev/kvm" } as never)],
  ])("%s", async (message, call) => {
    const error: unknown = await (async () => await call())().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "BAD_ARGUMENT" });
    const { message: text, hint } = error as GuestwrightError;
    expect(text).toBe(hint === undefined ? message : `${message}\n  hint: ${hint}`);
  });

  test("structs that a getter gives", async () => {
    const events = vcpu.getVcpuEvents();
    const table = {
      setFpu: [vcpu.getFpu()],
      setDebugregs: [vcpu.getDebugregs()],
      setVcpuEvents: [events],
      putSyncRegs: [{ regs: zeroRegisters, sregs: vcpu.getSregs(), events }],
    };
    for (const [method, good] of Object.entries(table)) {
      expect(await foreignErrors(vcpu, method, good), method).toEqual([]);
    }
  });

  test("event descriptors", async () => {
    const eventFd = vm.createEventFd();
    expect(await foreignErrors(eventFd, "write", [1n])).toEqual([]);
    const wiring = { eventFd: { fd: 0 }, gsi: 0, resample: { fd: 0 } };
    expect(await foreignErrors(vm, "irqfd", [wiring])).toEqual([]);
    expect(await foreignErrors(vm, "irqfd", [{ ...ofVm["irqfd"]![0]!, eventFd: undefined }])).toEqual([]);
  });

  test("functions of the package", async () => {
    const functions = { boot, bootSmp, editCpuid, hasCpuidFeature };
    const { segments: _segments, ...cpu } = realModeCpu;
    const image = { ...realMode(0xf4), cpu, programs: [] };
    const alias = { name: "b", kind: "alias", at: 0x1000n, size: 0x1000n, of: "ram", offset: 0n };
    const table: GoodArguments = {
      boot: [
        { ...image, memory: [...image.memory, alias] },
        { device: "/dev/kvm", cpuid: () => [entry] },
      ],
      bootSmp: [realMode(0xf4), { vcpus: 0, cpuid: () => [entry] }],
      editCpuid: [[entry], { nx: true }],
      hasCpuidFeature: [[entry], "nx"],
    };
    for (const [name, good] of Object.entries(table)) {
      expect(await foreignErrors(functions, name, good), name).toEqual([]);
    }
  });
});
