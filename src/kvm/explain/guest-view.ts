/** A guest that stopped, as its CPU sees it: registers, memory, and what its image calls things. */
import type { PhysAddr, VirtAddr } from "../../core/address.ts";
import { hex } from "../../core/hex.ts";
import type { Disassembler, Mode } from "../../disasm/disassemble.ts";
import type { RegisterPart, SegmentRegisterName } from "../../disasm/examined-instruction.ts";
import type { CpuState, GeneralRegisters } from "../../layout/cpu-state.ts";
import type { Image } from "../../layout/image.ts";
import { guardPages } from "../../layout/image/address-space.ts";
import {
  CR0_PE,
  EFER_LMA,
  pagingModeOf,
  walk,
  type AddressSpace,
  type MemoryAccess,
  type Walk,
} from "../../paging/index.ts";
import type { KvmKind } from "../host/platform.ts";
import { codeBits, locationToText, type GuestLocation } from "../machine/location.ts";

/** What an image knows of a guest; of one that was not made by `layout`, as much as there is. */
export type KnownImage = Pick<Image, "cpu"> & Partial<Pick<Image, "programs" | "paging" | "stacks" | "idt">>;

/** A guest after its last exit. */
export interface StoppedGuest {
  /** The CPU, with the general registers. */
  readonly cpu: CpuState;
  readonly image: KnownImage;
  /** The bytes at a physical address; `undefined` where not all of them are memory. */
  readonly readMemory: (at: PhysAddr, size: number) => Uint8Array | undefined;
  /** `undefined` where none is loaded: then instructions are not looked into. */
  readonly disassembler: Disassembler | undefined;
  /** The KVM that ran it. */
  readonly kind: KvmKind;
}

/** RFLAGS.VM and RFLAGS.AC (SDM vol. 1, 3.4.3). */
const RFLAGS_VM = 1n << 17n;
const RFLAGS_AC = 1n << 18n;

const PAGE_SIZE = 0x1000n;

/** Reads the guest as its CPU would. */
export class GuestView {
  readonly guest: StoppedGuest;
  readonly cpu: CpuState;
  /** The size of the code that runs. */
  readonly bits: Mode;
  /** Whether IA-32e mode is active: tables and gates are those of 64 bits. */
  readonly isLong: boolean;
  readonly isReal: boolean;
  /** How many bits linear addresses have: those of the paging mode. */
  readonly width: 32 | 64;
  /** The privilege level: the DPL of SS (SDM vol. 3A, 5.5; vol. 3C, 24.4.1). */
  readonly level: 0 | 1 | 2 | 3;
  readonly space: AddressSpace;

  constructor(guest: StoppedGuest) {
    const { cpu, image } = guest;
    this.guest = guest;
    this.cpu = cpu;
    this.bits = codeBits(cpu);
    this.isLong = (cpu.efer & EFER_LMA) !== 0n;
    this.isReal = (cpu.cr0 & CR0_PE) === 0n;
    const mode = pagingModeOf(cpu);
    this.width = mode === "4-level" || mode === "5-level" ? 64 : 32;
    const isVirtual = (cpu.regs.rflags & RFLAGS_VM) !== 0n;
    this.level = this.isReal ? 0 : isVirtual ? 3 : cpu.segments.ss.dpl;
    const readU32 = (at: number): number | undefined => {
      const bytes = guest.readMemory(BigInt(at), 4);
      return bytes && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    };
    // The names hold for the tables that the image came with.
    const named = cpu.cr3 === image.cpu.cr3;
    this.space = {
      memory: { readU32 },
      cpu,
      mappings: named ? (image.paging?.mappings ?? []) : [],
      gaps: named ? guardPages(image.stacks ?? []) : [],
    };
  }

  /** What the CPU does for an access of one byte. @param level the privilege of the access; that of the code unless given */
  walk(address: VirtAddr, kind: MemoryAccess["kind"], level: 0 | 1 | 2 | 3 = this.level): Walk {
    const ac = (this.cpu.regs.rflags & RFLAGS_AC) !== 0n;
    return walk(this.space, BigInt.asUintN(this.width, address), { kind, cpl: level, ac });
  }

  /** Where a linear address lies in memory; `undefined` where it is not mapped. */
  physical(address: VirtAddr): PhysAddr | undefined {
    const { mode, page } = this.walk(address, "read", 0);
    return mode === "off" ? BigInt.asUintN(32, address) : page?.phys;
  }

  /** The bytes at a linear address, as many as there are up to `size`. */
  read(address: VirtAddr, size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    for (let done = 0; done < size;) {
      const at = BigInt.asUintN(64, address + BigInt(done));
      const count = Math.min(size - done, Number(PAGE_SIZE - (at % PAGE_SIZE)));
      const physical = this.physical(at);
      const part = physical === undefined ? undefined : this.guest.readMemory(physical, count);
      if (part === undefined) return bytes.subarray(0, done);
      bytes.set(part, done);
      done += count;
    }
    return bytes;
  }

  /** A little-endian number at a linear address; `undefined` where it cannot be read. */
  readNumber(address: VirtAddr, size: number): bigint | undefined {
    const bytes = this.read(address, size);
    if (bytes.length < size) return undefined;
    return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }

  /** Where an offset into a segment leads: in 64-bit code only FS and GS have a base (SDM vol. 3A, 3.4.4). */
  linear(segment: SegmentRegisterName, offset: bigint): VirtAddr {
    const { base } = this.cpu.segments[segment];
    if (this.bits !== 64) return BigInt.asUintN(32, base + offset);
    return BigInt.asUintN(64, segment === "fs" || segment === "gs" ? base + offset : offset);
  }

  /** What a register holds; `undefined` for those that are not known here, such as XMM0. */
  register({ full, size, shift }: RegisterPart): bigint | undefined {
    const { regs, segments } = this.cpu;
    if (Object.hasOwn(regs, full)) {
      return BigInt.asUintN(size * 8, regs[full as keyof GeneralRegisters] >> BigInt(shift));
    }
    return Object.hasOwn(segments, full) ? BigInt(segments[full as SegmentRegisterName].selector) : undefined;
  }
}

/** The bytes of an access, page by page: the first byte in each. */
export function firstBytes(address: VirtAddr, size: number, width: 32 | 64): readonly VirtAddr[] {
  const last = BigInt.asUintN(width, address + BigInt(size - 1));
  const lastPage = last - (last % PAGE_SIZE);
  return address - (address % PAGE_SIZE) === lastPage ? [address] : [address, lastPage];
}

/** A place in a sentence: in the programs where it is in one, else its linear address. */
export function placeText(where: GuestLocation): string {
  return where.program === undefined ? hex(where.linear) : locationToText(where);
}
