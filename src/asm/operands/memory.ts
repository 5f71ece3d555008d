/** Memory operands: what an instruction reads or writes through an address. */
import { show } from "../../core/show.ts";
import { AsmError } from "../asm-error.ts";
import type { CallSite } from "../builder/call-site.ts";
import { captureCallSite, locate } from "../builder/call-site.ts";
import type { Expression } from "./expression.ts";
import { add, addressOf, constant, isExpression, simplest } from "./expression.ts";
import { checkName, wholeNumber } from "./whole-number.ts";
import type { Register } from "./register.ts";
import type { Widened } from "./widened.ts";

/** An index register with its scale: `[rcx*4]`. */
export interface Scaled<R extends Register = Register> {
  readonly kind: "scaled";
  readonly register: R;
  readonly scale: 1 | 2 | 4 | 8;
}

/**
 * A memory operand. `Size` is in bits, 0 where the other operand decides; `AddressSize` is in bits, 0 where no register
 * decides; `Labels` are those that the address names.
 */
export interface Memory<
  Size extends number = number,
  AddressSize extends number = number,
  Labels extends string = string,
> {
  readonly kind: "memory";
  readonly size: Size;
  readonly addressSize: AddressSize;
  readonly segment: string | undefined;
  /** `"rip"` or a general register's name. */
  readonly base: string | undefined;
  readonly index: string | undefined;
  readonly scale: 1 | 2 | 4 | 8;
  readonly displacement: bigint | Expression<Labels>;
}

/** A part of an address; the parts are added. A segment register among them overrides the default segment. */
export type Term = Register | Scaled | number | bigint | string | Expression | Memory;

/** The same, for the constraints of type parameters. */
export type AnyTerm = Widened<Term>;

/** The address size, in bits, that the registers among the terms decide; 0 where there are none. */
export type AddressSizeOf<T extends AnyTerm> =
  T extends Memory<number, infer A, string>
    ? A
    : T extends Scaled<infer R>
      ? AddressSizeOf<R>
      : T extends Register<infer C, string>
        ? C extends "r64"
          ? 64
          : C extends "r32"
            ? 32
            : C extends "r16"
              ? 16
              : 0
        : 0;

/** The address size of a whole address: that of its registers, which all have the same. */
export type AddressSizeOfAll<T extends readonly AnyTerm[]> = [Exclude<AddressSizeOf<T[number]>, 0>] extends [never]
  ? 0
  : Exclude<AddressSizeOf<T[number]>, 0>;

/** The labels that terms name. */
export type LabelsOfTerms<T extends AnyTerm> = T extends string
  ? T
  : T extends Expression<infer L>
    ? L
    : T extends Memory<number, number, infer L>
      ? L
      : never;

/** What a register can be scaled by: the stack pointer is no index (SDM vol. 2A, 2.1.5), and as `[rax + rsp]` the base. */
type Scale<R extends Register> = R["name"] extends "esp" | "rsp"
  ? 1 | `${R["name"]} is no index register`
  : 1 | 2 | 4 | 8;

/**
 * An index register with a scale of 1, 2, 4 or 8.
 *
 * @example
 * ```ts
 * code64().mov(eax, dword(rbx, times(rcx, 4), 16)); // mov eax, dword ptr [rbx+rcx*4+16]
 * ```
 */
export function times<R extends Register>(register: R, scale: Scale<R>): Scaled<R> {
  if (isRegister(register) && isScale(scale)) return { kind: "scaled", register, scale };
  const message = `times takes a register and 1, 2, 4 or 8, got ${show(isRegister(register) ? scale : register)}`;
  throw new AsmError(message, {
    code: "BAD_ADDRESS",
    value: [register, scale],
    source: locate(captureCallSite(times)),
  });
}

function isScale(scale: unknown): scale is Scaled["scale"] {
  return scale === 1 || scale === 2 || scale === 4 || scale === 8;
}

/**
 * The memory at a label, addressed relative to the next instruction: `[rip + label]`. 64-bit code only.
 *
 * @example
 * ```ts
 * code64().lea(rsi, rip("msg")).label("msg").asciz("Hello");
 * ```
 */
export function rip<const L extends string>(label: L, addend: number | bigint = 0): Memory<0, 64, L> {
  const { labels } = addressOf(checkName("rip", label, () => captureCallSite(rip)) as L);
  const displacement =
    addend === 0 ? 0n : wholeNumber(addend, { takes: "rip takes a number of bytes", site: () => captureCallSite(rip) });
  return {
    kind: "memory",
    size: 0,
    addressSize: 64,
    segment: undefined,
    base: "rip",
    index: undefined,
    scale: 1,
    displacement: { kind: "expression", labels, here: 0, constant: displacement },
  };
}

/** A maker of memory operands of one size. */
export interface MemoryMaker<Size extends number> {
  <T extends readonly [AnyTerm, ...AnyTerm[]]>(
    ...terms: T
  ): Memory<Size, AddressSizeOfAll<T>, LabelsOfTerms<T[number]>>;
}

/** An operand of no size of its own: the other operand, or the instruction, decides. */
export const mem: MemoryMaker<0> = maker(0);
/** 8 bits of memory: `byte ptr [...]`. */
export const byte: MemoryMaker<8> = maker(8);
/** 16 bits of memory: `word ptr [...]`. */
export const word: MemoryMaker<16> = maker(16);
/** 32 bits of memory: `dword ptr [...]`. */
export const dword: MemoryMaker<32> = maker(32);
/** 48 bits of memory, a far pointer with a 32-bit offset: `fword ptr [...]`. */
export const fword: MemoryMaker<48> = maker(48);
/** 64 bits of memory: `qword ptr [...]`. */
export const qword: MemoryMaker<64> = maker(64);
/** 80 bits of memory, an x87 extended or decimal number: `tbyte ptr [...]`. */
export const tbyte: MemoryMaker<80> = maker(80);
/** 128 bits of memory: `xmmword ptr [...]`. */
export const xmmword: MemoryMaker<128> = maker(128);

/** 256 bits of memory: `ymmword ptr [...]`. */
export const ymmword: MemoryMaker<256> = maker(256);
/** 512 bits of memory: `zmmword ptr [...]`. */
export const zmmword: MemoryMaker<512> = maker(512);

function maker<Size extends number>(size: Size): MemoryMaker<Size> {
  const make = (...terms: readonly Term[]): Memory => memory(size, terms, () => captureCallSite(make));
  return make as never;
}

const addressSizes = { r16: 16, r32: 32, r64: 64 } as const;

/** The address size that a register decides, in bits; 0 for a vector register and for none. */
function sizeOfAddress(register: Register | undefined): number {
  return addressSizes[register?.class as keyof typeof addressSizes] ?? 0;
}

const nothing = constant(0n);

/** Adds the terms up to one operand; `site` is asked where something is wrong. */
export function memory(size: number, terms: readonly Term[], site?: () => CallSite): Memory {
  const badAddress = (what: string): AsmError => addressError(what, terms, site);
  if (terms.length === 0) throw badAddress("nothing");
  if (terms.length === 1 && isMemory(terms[0])) return { ...terms[0], size };
  let segment: string | undefined;
  let base: Register | undefined;
  let index: Register | undefined;
  let scale: 1 | 2 | 4 | 8 = 1;
  let number = 0n;
  let displacement: Expression = nothing;
  for (const term of terms) {
    if (typeof term === "number" || typeof term === "bigint") number += wholeNumber(term, site && { site });
    else if (typeof term === "string") displacement = add(displacement, addressOf(term));
    else if (isExpression(term)) displacement = add(displacement, term);
    else if (!isTerm(term)) throw badAddress(show(term));
    else if (term.kind === "scaled") {
      if (index !== undefined) throw badAddress("two index registers");
      ({ register: index, scale } = term);
    } else if (term.kind === "memory") throw badAddress("a memory operand inside an address");
    else if (term.class === "seg") segment = term.name;
    else if (isVector(term)) {
      if (index !== undefined) throw badAddress("two index registers");
      index = term;
    } else if (!(term.class in addressSizes)) throw badAddress(`${term.name}, which addresses nothing`);
    else if (base === undefined) base = term;
    else if (index === undefined) index = term;
    else throw badAddress("three registers");
  }
  const baseSize = sizeOfAddress(base);
  const indexSize = sizeOfAddress(index);
  if (baseSize !== 0 && indexSize !== 0 && baseSize !== indexSize) throw badAddress("registers of two widths");
  if (base !== undefined && index !== undefined && scale === 1 && belongsFirst(index)) [base, index] = [index, base];
  if (index !== undefined && isStackPointer(index)) throw badAddress(`${index.name} as an index`);
  return {
    kind: "memory",
    size,
    addressSize: baseSize === 0 ? indexSize : baseSize,
    segment,
    base: base?.name,
    index: index?.name,
    scale,
    displacement: displacement === nothing ? number : simplest(add(displacement, constant(number))),
  };
}

function isMemory(term: unknown): term is Memory {
  return isTerm(term) && term.kind === "memory";
}

function isRegister(value: unknown): value is Register {
  return isTerm(value) && value.kind === "register";
}

/** Whether an object is a part of an address; authors without types pass anything. */
function isTerm(value: unknown): value is Register | Scaled | Memory {
  const kind: unknown = typeof value === "object" && value !== null && "kind" in value ? value.kind : undefined;
  return kind === "register" || kind === "scaled" || kind === "memory";
}

/** Vector registers index the addresses of gathers and scatters (VSIB: SDM vol. 2A, 2.3.12). */
function isVector(register: Register): boolean {
  return /^[xyz]mm$/.test(register.class);
}

/** SP cannot be an index: its encoding means "no index" (SDM vol. 2A, table 2-3). */
function isStackPointer(register: Register): boolean {
  return register.name === "esp" || register.name === "rsp";
}

/** Whether a register can only be a base: SP as above, and BX and BP in 16-bit addresses (SDM vol. 2A, table 2-1). */
function belongsFirst(register: Register): boolean {
  return isStackPointer(register) || register.name === "bx" || register.name === "bp";
}

function addressError(what: string, value: readonly Term[], site: (() => CallSite) | undefined): AsmError {
  return new AsmError(`an address cannot hold ${what}`, {
    code: "BAD_ADDRESS",
    value,
    source: site && locate(site()),
    hint: "an address is a base register, an index register with times(register, 1 | 2 | 4 | 8), numbers and labels, added up",
  });
}
