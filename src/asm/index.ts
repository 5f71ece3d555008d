/** Writing guest code: registers, operands, the builder, and assembling. */
export * from "./registers.ts";
export type { AsmErrorCode, AsmErrorDetails } from "./asm-error.ts";
export { AsmError } from "./asm-error.ts";
export type { AssembleOptions, Program } from "./assemble.ts";
export { assemble } from "./assemble.ts";
export { code16, code32, code64 } from "./code.ts";
export type { AnyCode, Code, Linked, Operand, UndefinedLabels, Value } from "./code-types.ts";
export type { Writer } from "./encode.ts";
export type { Expression } from "./expression.ts";
export { distance, offset, since } from "./expression.ts";
export type { ListingLine } from "./listing.ts";
export { listingToText } from "./listing.ts";
export type { Memory, MemoryMaker, Scaled, Term } from "./memory.ts";
export { byte, dword, fword, mem, qword, rip, times, word, xmmword } from "./memory.ts";
export type { Mode } from "./mode.ts";
export type { Node } from "./node.ts";
export type { Register, RegisterClass } from "./register.ts";
