/** Code between the gates of an IDT and the handlers: it makes all exceptions look the same to them. */
import {
  code32,
  code64,
  dword,
  eax,
  ebp,
  ebx,
  ecx,
  edi,
  edx,
  esi,
  esp,
  offset,
  qword,
  r10,
  r11,
  r12,
  r13,
  r14,
  r15,
  r8,
  r9,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  rsp,
  type Code,
  type Memory,
  type Operand,
  type Register,
  type StatementControl,
} from "../../asm/index.ts";
import { onBehalfOf } from "../../asm/builder/call-site.ts";
import { show } from "../../core/show.ts";
import { LayoutError } from "../layout-error.ts";
import { exceptionFrame32, exceptionFrame64 } from "./exception-frame.ts";
import { exceptionVectors, pushesErrorCode, type ExceptionName } from "./exception-vectors.ts";

/** An exception's mnemonic, or a vector, 0 to 255. */
export type VectorName = ExceptionName | number;

/** The label of a vector's stub: where its gate leads. */
export type StubLabel<V extends VectorName> = V extends ExceptionName
  ? `vector_${(typeof exceptionVectors)[V]["vector"]}`
  : `vector_${V & number}`;

/** The label of a handler for each vector that has one. */
export type ExceptionHandlers = { readonly [V in VectorName]?: string };

/** `H` where its keys are all vectors; else a message. */
export type KnownVectors<H> = [Exclude<keyof H, VectorName>] extends [never]
  ? H
  : `no exception is named "${Exclude<keyof H, VectorName> & string}"`;

/** A label that the compiler knows; a computed one is checked when the code is assembled. */
type Known<Label> = Label extends string ? (string extends Label ? never : Label) : never;

/** The stubs, which define their labels and use those of the handlers. */
export type ExceptionStubs<M extends 32 | 64, H extends ExceptionHandlers> = Code<
  M,
  StubLabel<keyof H & VectorName> | "vector_common",
  Known<H[keyof H]>
>;

/** The vector of a name. */
export function vectorOf(name: VectorName | `${number}`): number {
  const vector = name in exceptionVectors ? exceptionVectors[name as ExceptionName].vector : Number(name);
  if (Number.isInteger(vector) && vector >= 0 && vector <= 255) return vector;
  throw new LayoutError(`expected an exception such as "#PF", or a vector of 0 to 255, got ${show(name)}`, {
    code: "BAD_GATE",
    value: name,
  });
}

/** The label of a vector's stub. */
export function stubLabel<const V extends VectorName>(name: V): StubLabel<V> {
  return `vector_${vectorOf(name)}` as StubLabel<V>;
}

/**
 * A stub for each vector, to which interrupt or trap gates lead, and the part that they share. For a handler, all vectors
 * are alike: it is called with a pointer to the frame in RDI (EDI), the vector in RSI (ESI), the error code in RDX (EDX), 0
 * where the CPU pushes none, and DF clear. All general registers are saved in the frame ({@link exceptionFrame64},
 * {@link exceptionFrame32}) and restored from it when the handler returns, which may have changed them, and RIP as well: the
 * interrupted code then goes on from there. In 64-bit code the handler finds the stack as the System V ABI wants it. The stubs
 * use no SSE, and save none of it; they leave the data segment registers and GS's base as they were.
 *
 * @param mode the size of the code
 * @param handlers by mnemonic or vector: labels of this program, or symbols from outside
 * @returns code that defines {@link stubLabel} of each vector; one program can have it once
 * @throws LayoutError `BAD_GATE` for another mode, for what is no vector, and for a vector that is there twice
 * @example
 * ```ts
 * const stubs = exceptionStubs(64, { "#UD": "on_fault", "#GP": "on_fault" });
 * code64().hlt().use(stubs).label("on_fault").add(qword(rdi, exceptionFrame64.rip), 2).ret();
 * ```
 */
export function exceptionStubs<M extends 32 | 64, const H extends ExceptionHandlers>(
  mode: M,
  handlers: KnownVectors<H>,
): ExceptionStubs<M, H> {
  if (!(mode in forms)) {
    throw new LayoutError(`stubs have 32 or 64 bits, got ${show(mode)}`, { code: "BAD_GATE", value: mode });
  }
  const vectors = Object.entries(handlers as Readonly<Record<string, string>>).map(
    ([name, handler]) => [vectorOf(name as VectorName), handler] as const,
  );
  const twice = vectors.find(([vector], i) => vectors.findIndex(([other]) => other === vector) !== i);
  if (twice !== undefined) {
    throw new LayoutError(`vector ${twice[0]} has two handlers`, { code: "BAD_GATE", value: twice[0] });
  }
  const write = (to: unknown): void => writeStubs(to as StubStatements, forms[mode], vectors);
  const code: unknown = onBehalfOf(exceptionStubs, () => (mode === 64 ? code64(write) : code32(write)));
  return code as ExceptionStubs<M, H>;
}

/** What the stubs of one mode are made of. */
interface StubForm {
  /** What RAX is here: the register that has the handler's address. */
  readonly accumulator: Register;
  readonly stackPointer: Register;
  /** The other registers that are saved, in the order in which they are pushed. */
  readonly saved: readonly Register[];
  /** What the handler gets the frame, the vector and the error code in. */
  readonly arguments: readonly [Register, Register, Register];
  /** A field of the frame. */
  readonly field: (at: number) => Memory;
  /** Offsets in the frame: the last is that of what the CPU pushed but for the error code. */
  readonly vector: number;
  readonly errorCode: number;
  readonly returnAddress: number;
  readonly iret: "iretd" | "iretq";
}

const forms: Readonly<Record<32 | 64, StubForm>> = {
  32: {
    accumulator: eax,
    stackPointer: esp,
    saved: [ecx, edx, ebx, ebp, esi, edi],
    arguments: [edi, esi, edx],
    field: (at) => dword(esp, at),
    vector: exceptionFrame32.vector,
    errorCode: exceptionFrame32.errorCode,
    returnAddress: exceptionFrame32.eip,
    iret: "iretd",
  },
  64: {
    accumulator: rax,
    stackPointer: rsp,
    saved: [rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15],
    arguments: [rdi, rsi, rdx],
    field: (at) => qword(rsp, at),
    vector: exceptionFrame64.vector,
    errorCode: exceptionFrame64.errorCode,
    returnAddress: exceptionFrame64.rip,
    iret: "iretq",
  },
};

/** The statements that the stubs are written in, which both modes have. */
type StubStatements = Record<
  "push" | "pop" | "mov" | "add" | "jmp" | "call" | "cld" | "iretd" | "iretq",
  (...operands: readonly Operand[]) => void
> &
  Pick<StatementControl<32 | 64>, "label">;

type Vectors = readonly (readonly [vector: number, handler: string])[];

function writeStubs(to: StubStatements, form: StubForm, vectors: Vectors): void {
  for (const [vector, handler] of vectors) {
    to.label(stubLabel(vector));
    if (!pushesErrorCode(vector)) to.push(0);
    to.push(vector);
    to.push(form.accumulator);
    to.mov(form.accumulator, offset(handler));
    to.jmp("vector_common");
  }
  to.label("vector_common");
  for (const register of form.saved) to.push(register);
  const [frame, vector, errorCode] = form.arguments;
  to.cld();
  to.mov(frame, form.stackPointer);
  to.mov(vector, form.field(form.vector));
  to.mov(errorCode, form.field(form.errorCode));
  // In 64-bit mode the CPU aligned the stack to 16 before it pushed anything (SDM vol. 3A, 6.14.2), and the frame has a
  // multiple of 16 bytes: the stack is aligned here as well.
  to.call(form.accumulator);
  for (const register of form.saved.toReversed()) to.pop(register);
  to.pop(form.accumulator);
  to.add(form.stackPointer, form.returnAddress - form.vector);
  to[form.iret]();
}
