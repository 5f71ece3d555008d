/** Guests that shut down, each for a reason of its own, and what is to be said of it. */
import {
  al,
  ax,
  byte,
  code32,
  code64,
  ds,
  dword,
  eax,
  ecx,
  esp,
  layout,
  mem,
  offset,
  qword,
  rax,
  rbx,
  rcx,
  rdx,
  rsp,
  ss,
  word,
  xmm0,
  type AnyCode,
  type GuestDescription,
  type Image,
} from "guestwright";
import { CR0_PE, CR0_PG, CR0_WP } from "guestwright/paging";
import { loaderPage } from "../../layout/qemu-image.ts";

/** What a guest has besides its code. */
interface Surroundings {
  /** The IDT's vectors: all lead to the label `handler` of the guest. */
  readonly vectors?: readonly (string | number)[];
  /** What stands for these vectors instead. */
  readonly gates?: NonNullable<GuestDescription["idt"]>["vectors"];
  readonly cpu?: GuestDescription["cpu"];
  /** Ring 3 code, to which the guest goes with `iretq`: its `code` is put behind. */
  readonly user?: AnyCode;
  /** Whether there is a TSS, and with which stack for ring 0. */
  readonly task?: "without a stack" | "with a stack";
}

const tables = { virt: 0x50_0000, size: "4KiB", access: "rw" } as const;

const toRing3 = code64()
  .push(offset("gdt.segments.userData"))
  .push(offset("stacks.userStack.end"))
  .push(2)
  .push(offset("gdt.segments.userCode"))
  .push(offset("place.user"))
  .iretq();

/** An image of 64-bit code, with a stack between guard pages, a GDT, and an IDT where vectors are given. */
export function guestOf(code: AnyCode, surroundings: Surroundings = {}): Promise<Image> {
  const { vectors, gates, cpu = {}, user, task } = surroundings;
  const stacks = task === "with a stack" ? { 0: "main" } : {};
  const description = {
    mode: "long64",
    memory: { ram: { at: 0x0, size: "256KiB" } },
    paging: {
      map: {
        loader: loaderPage,
        text: { virt: 0x40_0000, size: "4KiB", access: "rx" },
        tables,
        ...(user === undefined ? {} : { user: { virt: 0x60_0000, size: "4KiB", access: "rx", user: true } }),
      },
    },
    stacks: {
      main: { virt: 0x7f_e000, size: "4KiB" },
      ...(user === undefined ? {} : { userStack: { virt: 0x7e_e000, size: "4KiB", user: true } }),
    },
    stack: "main",
    gdt: {
      in: "tables",
      segments: {
        code: { type: "code", bits: 64 },
        data: { type: "data" },
        userCode: { type: "code", bits: 64, dpl: 3 },
        userData: { type: "data", dpl: 3 },
        ...(task === undefined
          ? {}
          : {
              task: {
                type: "tss",
                in: "tables",
                stacks,
              },
            }),
      },
    },
    ...(vectors === undefined && gates === undefined
      ? {}
      : {
          idt: {
            in: "tables",
            vectors: { ...Object.fromEntries((vectors ?? []).map((each) => [each, "place.guest.handler"])), ...gates },
          },
        }),
    cpu,
    place: {
      guest: { code: user === undefined ? code : toRing3, in: "text" },
      ...(user === undefined ? {} : { user: { code: user, in: "user" } }),
    },
    entry: "guest",
  };
  return layout(description as unknown as GuestDescription).build();
}

/** An image of 32-bit code without paging, with a small data segment beside the flat ones. */
function plainGuestOf(code: AnyCode, idt?: GuestDescription["idt"]): Promise<Image> {
  const description = {
    mode: "protected32",
    memory: { ram: { at: 0x0, size: "128KiB" } },
    gdt: {
      at: 0x4000,
      segments: {
        code: { type: "code", bits: 32 },
        data: { type: "data" },
        small: { type: "data", limit: 0xfff, granularity: "byte" },
        absent: { type: "data", present: false },
      },
    },
    ...(idt === undefined ? {} : { idt }),
    cpu: { rsp: 0x1_6000 },
    place: { guest: { code, in: "ram", offset: 0x1000 } },
  };
  return layout(description as unknown as GuestDescription).build();
}

/** A guest, what is found out about it, and the exceptions of the architecture that lead to its end. */
export interface FallenGuest {
  readonly name: string;
  readonly image: () => Promise<Image>;
  /** The findings' texts without places in source files, in their order. */
  readonly texts: readonly string[];
  /** The vectors: that of the first exception, then of each that was met on the way to a handler. */
  readonly vectors: readonly number[];
  /** What QEMU's CPU does that the manual does not say. */
  readonly qemuDiffers?: string;
}

const noIdt = "no exception can be delivered: the guest has no IDT (IDTR's limit is 0x0)";
const withWp = { cr0: CR0_PG | CR0_WP | CR0_PE };
/** What a CPU meets that has no IDT: #GP on every way (SDM vol. 3A, 6.10). */
const [DE, UD, TS, NP, SS, GP, PF] = [0, 6, 10, 11, 12, 13, 14] as const;

/** With a handler behind it, which halts. */
const handled = (code: AnyCode): AnyCode =>
  code64()
    .use(code as never)
    .label("handler")
    .hlt();

export const fallenGuests: readonly FallenGuest[] = [
  {
    name: "a read of what nothing maps",
    image: () => guestOf(code64().nop().mov(rax, mem(0x9000)).hlt()),
    texts: ["mov rax, [0x9000] at guest+0x1 raised #PF(0x0): it reads 8 bytes at 0x9000, which is not mapped", noIdt],
    vectors: [PF, GP, GP],
  },
  {
    name: "a write to a read-only page",
    image: () => guestOf(code64().mov(byte(0x40_0000), 1).hlt(), { cpu: withWp }),
    texts: [
      'mov byte [0x400000], 0x1 at guest raised #PF(0x3): it writes 1 byte at 0x400000, which is read-only (mapping "text") and CR0.WP is set',
      noIdt,
    ],
    vectors: [PF, GP, GP],
  },
  {
    name: "a write that crosses into a page that nothing maps",
    image: () => guestOf(code64().mov(qword(0x50_0ffc), rax).hlt()),
    texts: ["mov [0x500ffc], rax at guest raised #PF(0x2): it writes 8 bytes at 0x501000, which is not mapped", noIdt],
    vectors: [PF, GP, GP],
  },
  {
    name: "a stack that grows into its guard page",
    image: () => guestOf(code64().label("again").call("again")),
    texts: [
      'call 0x400000 at guest:again raised #PF(0x2): it pushes 8 bytes at 0x7fdff8, which is in the guard page below stack "main"',
      noIdt,
    ],
    vectors: [PF, GP, GP],
  },
  {
    name: "a stack that is popped beyond its end",
    image: () => guestOf(code64().ret()),
    texts: [
      'ret at guest raised #PF(0x0): it pops 8 bytes at 0x7ff000, which is in the guard page above stack "main"',
      noIdt,
    ],
    vectors: [PF, GP, GP],
  },
  {
    name: "an address that is not canonical",
    image: () => guestOf(code64().mov(rbx, 0x8000_0000_0000_0000n).mov(al, byte(rbx))),
    texts: [
      "mov al, [rbx] at guest+0xa raised #GP(0x0): it reads 1 byte at 0x8000000000000000, which is not canonical",
      noIdt,
    ],
    vectors: [GP, GP, GP],
  },
  {
    name: "a stack pointer that is not canonical",
    image: () => guestOf(code64().mov(rsp, 0x8000_0000_0000_0000n).push(rax)),
    texts: [
      "push rax at guest+0xa raised #SS(0x0): it pushes 8 bytes at 0x7ffffffffffffff8, which is not canonical",
      noIdt,
    ],
    vectors: [SS, GP, GP],
    qemuDiffers: "it raises #GP for it (SDM vol. 2B, PUSH: #SS)",
  },
  {
    name: "a jump to what nothing maps",
    image: () => guestOf(code64().mov(rax, 0x9000).jmp(rax)),
    texts: ["fetching the instruction at 0x9000 raised #PF(0x10): it is not mapped", noIdt],
    vectors: [PF, GP, GP],
  },
  {
    name: "a jump into data: zeros, but in a mapping of their own, and not executable",
    image: () => guestOf(code64().mov(rax, 0x50_0000).jmp(rax)),
    texts: [
      "rip 0x500000 lies in none of the image's programs",
      'fetching the instruction at 0x500000 raised #PF(0x11): it is not executable (mapping "tables")',
      noIdt,
    ],
    vectors: [PF, GP, GP],
  },
  {
    name: "the end of the code",
    image: () => guestOf(code64().nop().nop()),
    texts: [
      "rip 0x400002 lies behind the end of program guest; the zeros there run as add [rax], al",
      "add [rax], al at 0x400002 raised #PF(0x2): it writes 1 byte at 0x0, which is not mapped",
      noIdt,
    ],
    vectors: [PF, GP, GP],
  },
  {
    name: "the end of the code, whose zeros run for a while",
    image: () => guestOf(code64().mov(rax, 0x50_0000).nop()),
    texts: [
      "rip 0x401000 lies behind the end of program guest, after 4088 bytes of zeros, which run as add [rax], al",
      "fetching the instruction at 0x401000 raised #PF(0x10): it is not mapped",
      noIdt,
    ],
    vectors: [PF, GP, GP],
  },
  {
    name: "data in the way",
    image: () => guestOf(code64().nop().label("data").bytes(Uint8Array.of(0x0f, 0x0b))),
    texts: [
      "rip 0x400001 lies in data, bytes of 2, at guest:data",
      "ud2 at guest:data raised #UD: that is what it is for",
      noIdt,
    ],
    vectors: [UD, GP, GP, GP],
  },
  {
    name: "ud2",
    image: () => guestOf(code64().nop().ud2()),
    texts: ["ud2 at guest+0x1 raised #UD: that is what it is for", noIdt],
    vectors: [UD, GP, GP, GP],
  },
  {
    name: "a division by zero",
    image: () => guestOf(code64().xor(ecx, ecx).div(ecx)),
    texts: ["div ecx at guest+0x2 raised #DE: it divides by zero", noIdt],
    vectors: [DE, GP, GP],
  },
  {
    name: "a division whose quotient does not fit",
    image: () => guestOf(code64().mov(rdx, 5).mov(rax, 1).mov(rcx, 1).div(rcx)),
    texts: ["div rcx at guest+0x15 raised #DE: the quotient of 0x50000000000000001 / 0x1 has more than 64 bits", noIdt],
    vectors: [DE, GP, GP],
  },
  {
    name: "SSE that is not switched on",
    image: () => guestOf(code64().movaps(xmm0, mem(0x40_0000))),
    texts: ["movaps xmm0, [0x400000] at guest raised #UD: it needs the SSE unit, and CR4.OSFXSR is clear", noIdt],
    vectors: [UD, GP, GP, GP],
  },
  {
    name: "a selector that the GDT does not hold",
    image: () => guestOf(code64().mov(eax, 0x50).mov(ds, eax)),
    texts: [
      "mov ds, eax at guest+0x5 raised #GP(0x50): its selector 0x0050 is beyond the GDT (its limit is 0x27)",
      noIdt,
    ],
    vectors: [GP, GP, GP],
  },
  {
    name: "a code segment for a stack",
    image: () => guestOf(code64().mov(eax, offset("gdt.segments.code")).mov(ss, eax)),
    texts: [
      'mov ss, eax at guest+0x5 raised #GP(0x8): its selector 0x0008 is "code64 base 0x0 limit 0xffffffff dpl 0 readable accessed", not a data segment that can be written, of just this privilege',
      noIdt,
    ],
    vectors: [GP, GP, GP],
  },
  {
    name: "an iretq to a selector that the GDT does not hold",
    image: () => guestOf(code64().push(0x10).push(0).push(2).push(0x40).push(0).iretq()),
    texts: ["iretq at guest+0xa raised #GP(0x40): its selector 0x0040 is beyond the GDT (its limit is 0x27)", noIdt],
    vectors: [GP, GP, GP],
  },
  {
    name: "a return to an address that is not canonical",
    image: () => guestOf(code64().mov(rax, 0x8000_0000_0000_0000n).push(rax).ret()),
    texts: ["ret at guest+0xb raised #GP(0x0): it goes to 0x8000000000000000, which is not canonical", noIdt],
    vectors: [GP, GP, GP],
  },
  {
    name: "the null selector for TR",
    image: () => guestOf(code64().xor(eax, eax).ltr(ax)),
    texts: [
      "ltr ax at guest+0x2 raised #GP(0x0): its selector 0x0000 is the null selector, which is not a TSS that is not busy",
      noIdt,
    ],
    vectors: [GP, GP, GP],
    qemuDiffers: "it takes it (SDM vol. 2A, LTR: #GP(0))",
  },
  {
    name: "a fault without a gate: the IDT is too short",
    image: () => guestOf(handled(code64().mov(rax, mem(0x9000))), { vectors: ["#UD"] }),
    texts: [
      "mov rax, [0x9000] at guest raised #PF(0x0): it reads 8 bytes at 0x9000, which is not mapped",
      "#PF (vector 14) cannot be delivered: the IDT ends with vector 6 (IDTR's limit is 0x6f)",
      "#DF (vector 8) cannot be delivered: the IDT ends with vector 6 (IDTR's limit is 0x6f)",
    ],
    vectors: [PF, GP, GP],
  },
  {
    name: "a fault without a gate, though there is one for #DF on the same stack, which is full",
    image: () => guestOf(handled(code64().mov(rsp, 0x7f_e000).mov(rax, mem(0x9000))), { vectors: ["#PF", "#DF"] }),
    texts: [
      "mov rax, [0x9000] at guest+0x7 raised #PF(0x0): it reads 8 bytes at 0x9000, which is not mapped",
      '#PF (vector 14) cannot be delivered: its frame goes to the stack at rsp 0x7fe000, and 0x7fdff8 is in the guard page below stack "main"',
      '#DF (vector 8) cannot be delivered: its frame goes to the stack at rsp 0x7fe000, and 0x7fdff8 is in the guard page below stack "main"',
    ],
    vectors: [PF, PF, PF],
  },
  {
    name: "an exception on a full stack, and no #PF",
    image: () => guestOf(handled(code64().mov(rsp, 0x7f_e000).ud2()), { vectors: ["#UD", "#DF"] }),
    texts: [
      "ud2 at guest+0x7 raised #UD: that is what it is for",
      '#UD (vector 6) cannot be delivered: its frame goes to the stack at rsp 0x7fe000, and 0x7fdff8 is in the guard page below stack "main"',
      "#PF (vector 14) cannot be delivered: the IDT ends with vector 8 (IDTR's limit is 0x8f)",
      '#DF (vector 8) cannot be delivered: its frame goes to the stack at rsp 0x7fe000, and 0x7fdff8 is in the guard page below stack "main"',
    ],
    vectors: [UD, PF, GP, PF],
  },
  {
    name: "an interrupt stack that the TSS does not give",
    image: () =>
      guestOf(handled(code64().ud2()), {
        gates: { "#UD": { handler: "place.guest.handler", ist: 1 } },
        task: "with a stack",
      }),
    texts: [
      "ud2 at guest raised #UD: that is what it is for",
      "#UD (vector 6) cannot be delivered: its frame goes to the TSS's ist1, 0x0, and 0xfffffffffffffff8 is not mapped",
      "#PF (vector 14) cannot be delivered: the IDT ends with vector 6 (IDTR's limit is 0x6f)",
      "#DF (vector 8) cannot be delivered: the IDT ends with vector 6 (IDTR's limit is 0x6f)",
    ],
    vectors: [UD, PF, GP, GP],
  },
  {
    name: "a gate that is not present",
    image: () =>
      guestOf(
        handled(
          code64()
            .mov(rbx, offset("idt"))
            .mov(byte(rbx, UD * 16 + 5), 0x0e)
            .nop()
            .ud2(),
        ),
        {
          vectors: ["#UD"],
        },
      ),
    texts: [
      "ud2 at guest+0xc raised #UD: that is what it is for",
      "#UD (vector 6) cannot be delivered: its gate is not present",
      "#NP (vector 11) cannot be delivered: the IDT ends with vector 6 (IDTR's limit is 0x6f)",
      "#DF (vector 8) cannot be delivered: the IDT ends with vector 6 (IDTR's limit is 0x6f)",
    ],
    vectors: [UD, NP, GP, GP],
  },
  {
    name: "a handler that was moved to where nothing is mapped",
    image: () =>
      guestOf(
        handled(
          code64()
            .mov(rbx, offset("idt"))
            .mov(word(rbx, UD * 16), 0xf000)
            .nop()
            .ud2(),
        ),
        {
          vectors: ["#UD"],
        },
      ),
    texts: [
      "rip 0x40f000 is where the gate of #UD (vector 6) leads; the frame on its stack says that it came from guest+0xe",
      "fetching the instruction at 0x40f000 raised #PF(0x10): it is not mapped",
      "#PF (vector 14) cannot be delivered: the IDT ends with vector 6 (IDTR's limit is 0x6f)",
      "#DF (vector 8) cannot be delivered: the IDT ends with vector 6 (IDTR's limit is 0x6f)",
    ],
    vectors: [UD, PF, GP, GP],
  },
  {
    name: "a handler of page faults that is not mapped itself",
    image: () =>
      guestOf(
        handled(
          code64()
            .mov(rbx, offset("idt"))
            .mov(word(rbx, PF * 16), 0xf000)
            .nop()
            .mov(rax, mem(0x9000)),
        ),
        { vectors: ["#PF"] },
      ),
    texts: [
      "rip 0x40f000 is where the gate of #PF (vector 14) leads; the frame on its stack says that it came from there itself, which goes on until the stack is full",
      "fetching the instruction at 0x40f000 raised #PF(0x10): it is not mapped",
      '#PF (vector 14) cannot be delivered: its frame goes to the stack at rsp 0x7fe010, and 0x7fdff8 is in the guard page below stack "main"',
      "#DF (vector 8) cannot be delivered: its entry in the IDT is empty",
    ],
    // 85 frames of 48 bytes fit into the stack; the next fault cannot be pushed, and neither can the fault of that.
    vectors: [...Array.from({ length: 87 }, () => PF), GP],
  },
  {
    name: "a handler that begins with ud2, which nobody handles",
    image: () => guestOf(code64().mov(rax, mem(0x9000)).label("handler").ud2(), { vectors: ["#PF"] }),
    texts: [
      "rip 0x400008 is where the gate of #PF (vector 14) leads; the frame on its stack says that it came from guest",
      "ud2 at guest:handler raised #UD: that is what it is for",
      "#UD (vector 6) cannot be delivered: its entry in the IDT is empty",
      "#GP (vector 13) cannot be delivered: its entry in the IDT is empty",
      "#DF (vector 8) cannot be delivered: its entry in the IDT is empty",
    ],
    vectors: [PF, UD, GP, GP, GP],
  },
  {
    name: "ud2 in a handler of page faults, whose address CR2 still holds",
    image: () => guestOf(code64().mov(rax, mem(0x9000)).label("handler").nop().ud2(), { vectors: ["#PF"] }),
    texts: [
      "ud2 at guest:handler+0x1 raised #UD: that is what it is for",
      "#UD (vector 6) cannot be delivered: its entry in the IDT is empty",
      "#GP (vector 13) cannot be delivered: its entry in the IDT is empty",
      "#DF (vector 8) cannot be delivered: its entry in the IDT is empty",
    ],
    vectors: [PF, UD, GP, GP, GP],
  },
  {
    name: "32-bit code: an access beyond the limit of its segment",
    image: () => plainGuestOf(code32().mov(eax, offset("gdt.segments.small")).mov(ds, eax).mov(eax, dword(0x1000))),
    texts: [
      "mov eax, [0x1000] at guest+0x7 raised #GP(0x0): it reads 4 bytes at 0x1000, which is beyond the limit of DS, 0xfff",
      noIdt,
    ],
    vectors: [GP, GP, GP],
    qemuDiffers: "its software CPU checks no limits of data segments",
  },
  {
    name: "32-bit code: an access through the null selector",
    image: () => plainGuestOf(code32().xor(eax, eax).mov(ds, eax).mov(eax, dword(0x1000))),
    texts: [
      "mov eax, [0x1000] at guest+0x4 raised #GP(0x0): it reads 4 bytes at 0x1000, which is in DS, which holds no segment",
      noIdt,
    ],
    vectors: [GP, GP, GP],
  },
  {
    name: "32-bit code: a segment that is not present",
    image: () => plainGuestOf(code32().mov(eax, offset("gdt.segments.absent")).mov(ds, eax)),
    texts: [
      "mov ds, eax at guest+0x5 raised #NP(0x20): its selector 0x0020 leads to a segment that is not present",
      noIdt,
    ],
    vectors: [NP, GP, GP],
  },
  {
    name: "32-bit code: a push that leaves its small stack segment",
    image: () => plainGuestOf(code32().mov(eax, offset("gdt.segments.small")).mov(ss, eax).mov(esp, 0x2000).push(eax)),
    texts: [
      "push eax at guest+0xc raised #SS(0x0): it pushes 4 bytes at 0x1ffc, which is beyond the limit of SS, 0xfff",
      noIdt,
    ],
    vectors: [SS, GP, GP],
    qemuDiffers: "its software CPU checks no limits of data segments",
  },
  {
    name: "32-bit code: a vector without a gate",
    image: () =>
      plainGuestOf(code32().ud2().label("handler").hlt(), { at: 0x5000, vectors: { "#DE": "place.guest.handler" } }),
    texts: [
      "ud2 at guest raised #UD: that is what it is for",
      "#UD (vector 6) cannot be delivered: the IDT ends with vector 0 (IDTR's limit is 0x7)",
      "#GP (vector 13) cannot be delivered: the IDT ends with vector 0 (IDTR's limit is 0x7)",
      "#DF (vector 8) cannot be delivered: the IDT ends with vector 0 (IDTR's limit is 0x7)",
    ],
    vectors: [UD, GP, GP, GP],
  },
  {
    name: "ring 3: hlt, and no TSS",
    image: () => guestOf(code64(), { user: code64().hlt(), gates: { "#GP": "place.guest" } }),
    texts: [
      "hlt at user raised #GP(0x0): only ring 0 may, and this is ring 3",
      "#GP (vector 13) cannot be delivered: its stack is the TSS's rsp0, and TR holds no TSS",
      "#DF (vector 8) cannot be delivered: its entry in the IDT is empty",
    ],
    vectors: [GP, TS, GP],
    qemuDiffers: "its loader leaves in TR what a reset has put there",
  },
  {
    name: "ring 3: a TSS without a stack",
    image: () =>
      guestOf(code64(), {
        user: code64().mov(rax, mem(0x50_0000)),
        gates: { "#PF": "place.guest" },
        task: "without a stack",
      }),
    texts: [
      'mov rax, [0x500000] at user raised #PF(0x5): it reads 8 bytes at 0x500000, which is not open to ring 3 (mapping "tables")',
      "#PF (vector 14) cannot be delivered: its frame goes to the TSS's rsp0, 0x0, and 0xfffffffffffffff8 is not mapped",
      "#DF (vector 8) cannot be delivered: its entry in the IDT is empty",
    ],
    vectors: [PF, PF, GP],
  },
  {
    name: "ring 3: cli",
    image: () =>
      guestOf(code64(), { user: code64().nop().cli(), gates: { "#UD": "place.guest" }, task: "with a stack" }),
    texts: [
      "cli at user+0x1 raised #GP(0x0): ring 3 may not: IOPL is 0",
      "#GP (vector 13) cannot be delivered: the IDT ends with vector 6 (IDTR's limit is 0x6f)",
      "#DF (vector 8) cannot be delivered: the IDT ends with vector 6 (IDTR's limit is 0x6f)",
    ],
    vectors: [GP, GP, GP],
  },
];
