/** Writing guest code: registers, operands, the builder, and assembling. */
export * from "./operands/registers.ts";
export type { AsmErrorCode, AsmErrorDetails } from "./asm-error.ts";
export { AsmError } from "./asm-error.ts";
export type { AssembleOptions } from "./assemble-options.ts";
export type { Program, ProgramSection } from "./assemble.ts";
export { assemble, startingMode } from "./assemble.ts";
export { definedLabels, undefinedLabels } from "./link/check-labels.ts";
export { code16, code32, code64 } from "./builder/code.ts";
export type { AnyCode, Code, Code16, Code32, Code64, Linked, UndefinedLabels, Value } from "./builder/code-types.ts";
export type { Operand } from "./operands/operand-types.ts";
export type { Amount, TextValue } from "./builder/data-types.ts";
export type { Broadcast, Masked, Rounding, RoundingName } from "./operands/decorators.ts";
export { broadcast, masked, rdSae, rnSae, ruSae, rzSae, sae, zeroed } from "./operands/decorators.ts";
export type { Writer } from "./encode/encode.ts";
export type { Expression } from "./operands/expression.ts";
export type { Summand } from "./operands/expression.ts";
export { difference, distance, multiple, offset, since, sum } from "./operands/expression.ts";
export type { Far } from "./operands/far.ts";
export { far } from "./operands/far.ts";
export type { ListingLine } from "./listing.ts";
export { listingToText } from "./listing.ts";
export type { Memory, MemoryMaker, Scaled, Term } from "./operands/memory.ts";
export {
  byte,
  dword,
  fword,
  mem,
  qword,
  rip,
  tbyte,
  times,
  word,
  xmmword,
  ymmword,
  zmmword,
} from "./operands/memory.ts";
export type { Mode } from "./mode.ts";
export type { Node } from "./builder/node.ts";
export { placeAt } from "./place-at.ts";
export type { Register, RegisterClass } from "./operands/register.ts";
export type { Label, OpenCode, StatementControl, Statements, StatementWriter } from "./builder/statements.ts";
export type { AssembleTextOptions } from "./text/assemble-text.ts";
export { assembleText } from "./text/assemble-text.ts";
export { AsmSyntaxError } from "./text/syntax-error.ts";
