/** The builder: every method records one node and returns new code. */
import { show } from "../core/show.ts";
import { aliases, waitingForms } from "./aliases.ts";
import { AsmError } from "./asm-error.ts";
import type { CallSite } from "./call-site.ts";
import { captureCallSite, locate } from "./call-site.ts";
import type { Code, Operand, Value } from "./code-types.ts";
import { undecorate, type Broadcast, type Masked, type Rounding } from "./decorators.ts";
import type { Expression } from "./expression.ts";
import { isExpression, offset, wholeNumber } from "./expression.ts";
import type { Far } from "./far.ts";
import { farTransfers, isFarTransfer } from "./far-transfers.ts";
import { instructionCodes } from "./instructions.ts";
import type { Memory } from "./memory.ts";
import type { Mode } from "./mode.ts";
import type { Mnemonic, Node, NodeOperand, NumbersNode, Prefix } from "./node.ts";
import type { Register } from "./register.ts";

/** Code as it is at run time: a list that grows at its end and shares its beginning with the code it came from. */
class CodeBuilder {
  readonly mode: Mode;
  readonly #before: CodeBuilder | undefined;
  readonly #node: Node | undefined;
  readonly #prefix: Prefix | undefined;

  constructor(mode: Mode, before?: CodeBuilder, node?: Node, prefix?: Prefix) {
    this.mode = mode;
    this.#before = before;
    this.#node = node;
    this.#prefix = prefix;
  }

  /** The statements, in order. */
  get nodes(): Node[] {
    const nodes: Node[] = [];
    for (let each: CodeBuilder | undefined = this; each !== undefined; each = each.#before) {
      if (each.#node !== undefined) nodes.push(each.#node);
    }
    return nodes.reverse();
  }

  get rep(): CodeBuilder {
    return this.#withPrefix("rep");
  }

  get repe(): CodeBuilder {
    return this.#withPrefix("repe");
  }

  get repne(): CodeBuilder {
    return this.#withPrefix("repne");
  }

  get lock(): CodeBuilder {
    return this.#withPrefix("lock");
  }

  label(name: string): CodeBuilder {
    return this.#append({ kind: "label", name, mode: this.mode, site: captureCallSite(this.label) });
  }

  u8(...values: Value[]): CodeBuilder {
    return this.#numbers(1, values, this.u8);
  }

  u16(...values: Value[]): CodeBuilder {
    return this.#numbers(2, values, this.u16);
  }

  u32(...values: Value[]): CodeBuilder {
    return this.#numbers(4, values, this.u32);
  }

  u64(...values: Value[]): CodeBuilder {
    return this.#numbers(8, values, this.u64);
  }

  ascii(text: string): CodeBuilder {
    return this.#text(text, "ascii", "", this.ascii);
  }

  asciz(text: string): CodeBuilder {
    return this.#text(text, "asciz", "\0", this.asciz);
  }

  bytes(bytes: Iterable<number>): CodeBuilder {
    const site = captureCallSite(this.bytes);
    const values = Array.from(bytes);
    const bad = values.find((value) => !Number.isInteger(value) || value < 0 || value > 0xff);
    if (bad !== undefined) throw badValue(`a byte is 0 to 255, got ${bad}`, bad, site);
    return this.#append({ kind: "bytes", bytes: Uint8Array.from(values), text: `bytes of ${values.length}`, site });
  }

  zero(size: number): CodeBuilder {
    const site = captureCallSite(this.zero);
    if (!Number.isSafeInteger(size) || size < 0)
      throw badValue(`zero takes a number of bytes, got ${size}`, size, site);
    return this.#append({ kind: "bytes", bytes: new Uint8Array(size), text: `zero ${size}`, site });
  }

  align(alignment: number, fill = 0): CodeBuilder {
    const site = captureCallSite(this.align);
    const isPowerOfTwo = Number.isInteger(Math.log2(alignment)) && alignment >= 1;
    if (!isPowerOfTwo || alignment > 2 ** 30) {
      throw badValue(`align takes a power of two up to 2^30, got ${alignment}`, alignment, site);
    }
    if (!Number.isInteger(fill) || fill < 0 || fill > 0xff)
      throw badValue(`a fill is 0 to 255, got ${fill}`, fill, site);
    return this.#append({ kind: "align", alignment, fill, site });
  }

  code16(): CodeBuilder {
    return this.#cross(16, this.code16);
  }

  code32(): CodeBuilder {
    return this.#cross(32, this.code32);
  }

  code64(): CodeBuilder {
    return this.#cross(64, this.code64);
  }

  /** Goes on in another mode, which only a far transfer leads to. */
  #cross(mode: Mode, method: (...args: never[]) => unknown): CodeBuilder {
    if (this.#node?.kind === "instruction" && isFarTransfer(this.#node.mnemonic)) return new CodeBuilder(mode, this);
    throw new AsmError(`code${mode}() follows a far transfer only: ${farTransfers.join(", ")}`, {
      code: "BAD_OPERANDS",
      value: mode,
      source: locate(captureCallSite(method)),
    });
  }

  /** Appends an instruction; the methods that bear the instructions' names call this. */
  instruction(mnemonic: Mnemonic, operands: readonly Operand[], site: CallSite): CodeBuilder {
    const { operands: plain, decorators } = undecorate<Plain>(operands);
    return this.#append({
      kind: "instruction",
      mode: this.mode,
      mnemonic,
      prefix: this.#prefix,
      operands: plain.map((operand) => nodeOperand(mnemonic, operand, site)),
      decorators,
      site,
    });
  }

  #append(node: Node): CodeBuilder {
    return new CodeBuilder(this.mode, this, node);
  }

  #withPrefix(prefix: Prefix): CodeBuilder {
    return new CodeBuilder(this.mode, this, undefined, prefix);
  }

  #numbers(width: NumbersNode["width"], values: readonly Value[], method: (...args: never[]) => unknown): CodeBuilder {
    return this.#append({
      kind: "numbers",
      width,
      values: values.map((value) => (isExpression(value) ? value : wholeNumber(value))),
      site: captureCallSite(method),
    });
  }

  #text(text: string, directive: string, end: string, method: (...args: never[]) => unknown): CodeBuilder {
    const site = captureCallSite(method);
    const codes = Array.from(text + end, (character) => character.codePointAt(0)!);
    if (codes.some((code) => code > 0x7f))
      throw badValue(`${directive} takes ASCII characters only, got ${JSON.stringify(text)}`, text, site);
    return this.#append({
      kind: "bytes",
      bytes: Uint8Array.from(codes),
      text: `${directive} ${JSON.stringify(text)}`,
      site,
    });
  }
}

function badValue(message: string, value: unknown, site: CallSite): AsmError {
  return new AsmError(message, { code: "BAD_VALUE", value, source: locate(site) });
}

/** An operand without its decoration. */
type Plain = Exclude<Operand, Masked | Broadcast | Rounding>;

function nodeOperand(mnemonic: Mnemonic, operand: Plain, site: CallSite): NodeOperand {
  if (typeof operand === "number" || typeof operand === "bigint") return wholeNumber(operand);
  if (typeof operand === "string") return offset(operand);
  if (typeof operand === "object" && operand !== null && operandKinds.has(operand.kind)) return operand;
  throw new AsmError(`${mnemonic} was given ${show(operand)}, which is no operand`, {
    code: "BAD_OPERANDS",
    value: operand,
    source: locate(site),
  });
}

const operandKinds = new Set<string>(["register", "memory", "expression", "far"] satisfies (
  | Register
  | Memory
  | Expression
  | Far
)["kind"][]);

function defineInstruction(name: string, mnemonic: Mnemonic): void {
  const method = function (this: CodeBuilder, ...operands: Operand[]): CodeBuilder {
    return this.instruction(mnemonic, operands, captureCallSite(method));
  };
  Object.defineProperty(CodeBuilder.prototype, name, { value: method });
}

function defineWaiting(name: string, mnemonic: Mnemonic): void {
  const method = function (this: CodeBuilder, ...operands: Operand[]): CodeBuilder {
    const site = captureCallSite(method);
    return this.instruction("wait", [], site).instruction(mnemonic, operands, site);
  };
  Object.defineProperty(CodeBuilder.prototype, name, { value: method });
}

for (const mnemonic of Object.keys(instructionCodes)) defineInstruction(mnemonic, mnemonic as Mnemonic);
for (const [alias, mnemonic] of Object.entries(aliases)) defineInstruction(alias, mnemonic);
for (const [name, mnemonic] of Object.entries(waitingForms)) defineWaiting(name, mnemonic);

/** Empty code of a mode. The class has every method of the interface: those of the instructions are defined above. */
function start<M extends Mode>(mode: M): Code<M, never, never> {
  return new CodeBuilder(mode) as unknown as Code<M, never, never>;
}

/**
 * Starts 16-bit code: real mode, or a 16-bit code segment.
 *
 * @example
 * ```ts
 * code16().mov(ax, 0x1234).hlt(); // b8 34 12 f4
 * ```
 */
export function code16(): Code<16, never, never> {
  return start(16);
}

/**
 * Starts 32-bit code: protected mode, or compatibility mode.
 *
 * @example
 * ```ts
 * code32().mov(eax, 0x1234).hlt(); // b8 34 12 00 00 f4
 * ```
 */
export function code32(): Code<32, never, never> {
  return start(32);
}

/**
 * Starts 64-bit code.
 *
 * @example
 * ```ts
 * code64().mov(rax, 0x1234).hlt(); // 48 c7 c0 34 12 00 00 f4
 * ```
 */
export function code64(): Code<64, never, never> {
  return start(64);
}
