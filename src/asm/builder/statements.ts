/**
 * Statement style: a callback gets a builder that changes in place, so that the loops and conditions of a guest's assembly
 * are TypeScript's own. Labels are values there, and are checked when the code is assembled.
 */
import { show } from "../../core/show.ts";
import type { aliases, waitingForms } from "../instructions/aliases.ts";
import { AsmError } from "../asm-error.ts";
import { captureCallSite, locate, onBehalfOf, type CallSite } from "./call-site.ts";
import type { Comparing, Lockable, Repeatable } from "../instructions/prefixable.ts";
import type { AnyOperand } from "../operands/operand-types.ts";
import type { Code, Fragment, SameMode, Value } from "./code-types.ts";
import type { Check } from "./operand-check.ts";
import type { Amount, DataMethods, PlainDataMethods } from "./data-types.ts";
import { addressOf, isExpression, type Expression } from "../operands/expression.ts";
import type { Forms } from "../instructions/instruction-types.d.ts";
import type { Mode } from "../mode.ts";

/** Code whose labels the compiler does not follow. */
export type OpenCode<M extends Mode> = Code<M, string, never>;

type Statement<M extends Mode, K extends keyof Forms> = [Forms[K][M]] extends [never]
  ? `${M}-bit code has no ${K}`
  : <O extends readonly AnyOperand[]>(...operands: Check<M, K, O>) => void;

type InstructionStatements<M extends Mode> = { readonly [K in keyof Forms]: Statement<M, K> };

type SecondNames = typeof aliases & typeof waitingForms;

type AliasStatements<M extends Mode> = { readonly [A in keyof SecondNames]: Statement<M, SecondNames[A]> };

/** The data methods with parameters that the compiler follows in chains. */
interface OpenDataParameters {
  u8: readonly Value[];
  u16: readonly Value[];
  u32: readonly Value[];
  u64: readonly Value[];
  u128: readonly Value[];
  addresses: readonly string[];
  reserve: readonly [size: Amount];
  org: readonly [address: Amount, fill?: number];
  pad: readonly [size: Amount, fill?: number];
}

type DataStatements<M extends Mode> = {
  readonly [K in keyof DataMethods<M>]: (...values: OpenDataParameters[K]) => void;
} & {
  readonly [K in keyof PlainDataMethods<M, string, never>]: (
    ...values: Parameters<PlainDataMethods<M, string, never>[K]>
  ) => void;
};

/** A place in the code, as a value: an operand of branches, and what `offset(name)` is to a name. */
export type Label = Expression<never>;

/** What a builder that changes in place has besides instructions and data. */
export interface StatementControl<M extends Mode> {
  /** The same as in chains. */
  readonly rep: Pick<InstructionStatements<M>, Repeatable>;
  /** The same as in chains. */
  readonly repe: Pick<InstructionStatements<M>, Comparing>;
  /** The same as in chains. */
  readonly repne: Pick<InstructionStatements<M>, Comparing>;
  /** The same as in chains. */
  readonly repz: Pick<InstructionStatements<M>, Comparing>;
  /** The same as in chains. */
  readonly repnz: Pick<InstructionStatements<M>, Comparing>;
  /** The same as in chains. */
  readonly lock: Pick<InstructionStatements<M>, Lockable>;
  /**
   * Names this place, and gives the place as a value. Without a name it gets one of its own, so that a macro can be used
   * twice.
   */
  label(name?: string): Label;
  /** A place that is still to come: `place` says where it is. */
  newLabel(name?: string): Label;
  /** This is where a label from `newLabel` is. */
  place(label: Label): void;
  /** Appends other code. */
  use<F extends Mode>(fragment: Fragment<F, string, never> & SameMode<M, F>): void;
  /** Goes on in a section. */
  section(name: string): void;
}

/** A builder that changes in place. */
export type Statements<M extends Mode> = InstructionStatements<M> &
  AliasStatements<M> &
  DataStatements<M> &
  StatementControl<M>;

/**
 * A function that writes statements. The code is what it wrote when it returns, so it may not be `async`; what else it returns
 * does not matter.
 */
export type StatementWriter<M extends Mode, Result> = (
  code: Statements<M>,
) => Result &
  (Result extends PromiseLike<unknown> ? "write all statements before the function returns: no async" : unknown);

type Prefixed = Readonly<Record<string, unknown>>;

const prefixes = new Set(["rep", "repe", "repz", "repne", "repnz", "lock"]);

type Methods = Readonly<Record<string, (...operands: unknown[]) => unknown>>;

/** The names of labels that got none from the author. */
const isOwnName = /^label@\d+$/;

/** The code that `body` writes, from `start` on. */
export function writeStatements<M extends Mode>(
  start: OpenCode<M>,
  body: (code: Statements<M>) => unknown,
  site: () => CallSite,
): OpenCode<M> {
  if (typeof body !== "function") {
    const message = `code${start.mode} takes a function that writes statements, got ${show(body)}`;
    throw new AsmError(message, { code: "BAD_VALUE", value: body, source: locate(site()) });
  }
  let code = start;
  let labels = 0;
  let isOver = false;
  const write = (statement: (...operands: never[]) => unknown, name: string, next: () => unknown): void => {
    if (isOver) throw tooLate(start.mode, name, statement);
    code = onBehalfOf(statement, next) as OpenCode<M>;
  };
  const append = (to: unknown, name: string): ((...operands: unknown[]) => void) => {
    const statement = (...operands: unknown[]): void =>
      write(statement, name, () => (to as Methods)[name]!(...operands));
    return statement;
  };
  const newLabel = (name?: string): Label => addressOf<never>((name ?? `label@${++labels}`) as never);
  // Names that nobody chose stay private, so that code with such labels can be taken in twice.
  const define = (name: string): unknown => {
    const isPrivate = typeof name === "string" && isOwnName.test(name);
    return (code as unknown as Methods)[isPrivate ? "privateLabel" : "label"]!(name);
  };
  const place = (label: Label): void => {
    if (!isExpression(label) || (label as Expression).labels.length !== 1) throw noLabel(label, place);
    write(place, "place", () => define(nameOf(label)));
  };
  const label = (name?: string): Label => {
    const here = newLabel(name);
    write(label, "label", () => define(nameOf(here)));
    return here;
  };
  const prefixed = (prefix: string): unknown =>
    new Proxy({}, { get: (_, name) => append((code as unknown as Prefixed)[prefix], String(name)) });
  const control: Record<string, unknown> = { label, newLabel, place };
  const builder = new Proxy(control, {
    get(known, name) {
      if (typeof name !== "string" || name in known) return Reflect.get(known, name) as unknown;
      if (prefixes.has(name)) return prefixed(name);
      return typeof (code as unknown as Methods)[name] === "function" ? append(code, name) : undefined;
    },
  });
  try {
    const result = body(builder as unknown as Statements<M>);
    if (isPromise(result)) throw notDone(start.mode, result, site());
    return code;
  } finally {
    isOver = true;
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

function notDone(mode: Mode, result: PromiseLike<unknown>, site: CallSite): AsmError {
  // Nobody waits for it; what it is rejected with says no more than this error.
  result.then(undefined, () => {});
  const message = `code${mode} takes a function that writes its statements before it returns, and this one returned a promise`;
  const hint = `wait for what it needs first, then call code${mode}`;
  return new AsmError(message, { code: "BAD_VALUE", value: result, source: locate(site), hint });
}

function tooLate(mode: Mode, name: string, method: (...operands: never[]) => unknown): AsmError {
  const message = `${name}: the function that code${mode} was given has returned, and its code is done`;
  const hint = `write it before the function returns, or in another code${mode}`;
  return new AsmError(message, { code: "BAD_VALUE", value: name, source: locate(captureCallSite(method)), hint });
}

function noLabel(value: unknown, method: (label: Label) => void): AsmError {
  const message = `place takes a label, from newLabel(), got ${show(value)}`;
  return new AsmError(message, { code: "BAD_VALUE", value, source: locate(captureCallSite(method)) });
}

function nameOf(label: Label): string {
  return (label as Expression).labels[0]!.name;
}
