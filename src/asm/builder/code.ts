/** The builder: every method records one node and returns new code. */
import { show } from "../../core/show.ts";
import { aliases, waitingForms } from "../instructions/aliases.ts";
import { AsmError } from "../asm-error.ts";
import type { CallSite } from "./call-site.ts";
import { captureCallSite, locate } from "./call-site.ts";
import type { Operand } from "../operands/operand-types.ts";
import type { AnyCode, Code } from "./code-types.ts";
import type { DataContext } from "./data.ts";
import { dataStatements } from "./data.ts";
import { undecorate, type Broadcast, type Masked, type Rounding } from "../operands/decorators.ts";
import type { Expression } from "../operands/expression.ts";
import { addressOf } from "../operands/expression.ts";
import type { Far } from "../operands/far.ts";
import { farTransfers, isFarTransfer } from "../instructions/far-transfers.ts";
import { instructionCodes } from "../instructions/instruction-codes.ts";
import type { Memory } from "../operands/memory.ts";
import type { Mode } from "../mode.ts";
import type { Mnemonic, Node, NodeOperand, Prefix } from "./node.ts";
import { privately } from "./rename.ts";
import { checkCode } from "./check-code.ts";
import type { Register } from "../operands/register.ts";
import { writeStatements, type OpenCode, type Statements, type StatementWriter } from "./statements.ts";
import { readText } from "../text/read-text.ts";
import { templateText } from "../text/template-text.ts";
import { checkName, wholeNumber } from "../operands/whole-number.ts";

/** Statements that were recorded one after another, on top of other code. */
interface Run {
  readonly before: CodeBuilder | undefined;
  readonly nodes: Node[];
}

/**
 * Code as it is at run time: the beginning of a run of statements. Code that ends where its run ends grows by adding to
 * the run, which changes no other code; code that others have gone on from already starts a run of its own.
 */
class CodeBuilder {
  readonly mode: Mode;
  readonly #run: Run;
  /** How many of the run's statements are this code's. */
  readonly #length: number;
  readonly #prefix: Prefix | undefined;
  /** How many fragments were taken in so far. */
  readonly #scopes: number;
  #nodes: readonly Node[] | undefined;

  constructor(mode: Mode, run: Run, length: number, scopes: number, prefix?: Prefix) {
    this.mode = mode;
    this.#run = run;
    this.#length = length;
    this.#scopes = scopes;
    this.#prefix = prefix;
  }

  /** The statements, in order. */
  get nodes(): readonly Node[] {
    if (this.#nodes !== undefined) return this.#nodes;
    const runs: Node[][] = [];
    for (let each: CodeBuilder | undefined = this; each !== undefined; each = each.#run.before) {
      runs.push(each.#run.nodes.slice(0, each.#length));
    }
    this.#nodes = runs.length === 1 ? runs[0]! : runs.reverse().flat();
    return this.#nodes;
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

  get repz(): CodeBuilder {
    return this.#withPrefix("repe");
  }

  get repnz(): CodeBuilder {
    return this.#withPrefix("repne");
  }

  get lock(): CodeBuilder {
    return this.#withPrefix("lock");
  }

  section(name: string): CodeBuilder {
    const site = captureCallSite(this.section);
    return this.#append({ kind: "section", name: checkName("section", name, site), last: /^\.bss\b/.test(name), site });
  }

  use(fragment: AnyCode): CodeBuilder {
    const site = captureCallSite(this.use);
    return this.#appendAll(checkCode("use takes", fragment, site), site);
  }

  local(fragment: AnyCode): CodeBuilder {
    const site = captureCallSite(this.local);
    return this.#appendAll(checkCode("local takes", fragment, site), site, true);
  }

  repeat(count: number, body: AnyCode | ((index: number) => AnyCode)): CodeBuilder {
    const site = captureCallSite(this.repeat);
    if (!Number.isSafeInteger(count) || count < 0)
      throw badValue(`repeat takes a number of times, got ${show(count)}`, count, site);
    if (typeof body !== "function") checkCode("repeat takes", body, site);
    let code: CodeBuilder = this;
    for (let i = 0; i < count; i++) {
      const each = typeof body === "function" ? checkCode("repeat's function returns", body(i), site) : body;
      code = code.#appendAll(each, site, true);
    }
    return code;
  }

  /** Appends the statements of other code; `local` gives the labels that it defines names that nothing else can have. */
  #appendAll(fragment: AnyCode, site: CallSite, local = false): CodeBuilder {
    const first = fragment.nodes.find((node) => node.kind === "instruction");
    if (first !== undefined && first.mode !== this.mode && !this.#isAfterFarTransfer()) {
      throw new AsmError(`a fragment of ${first.mode}-bit code in ${this.mode}-bit code`, {
        code: "BAD_OPERANDS",
        value: first.mode,
        source: locate(site),
      });
    }
    // Private labels of the fragment get new names in any case, so that it can be used twice.
    const isOwn = (node: Node): boolean => local || (node.kind === "label" && node.local === true);
    const scope = this.#scopes + 1;
    let code = new CodeBuilder(this.mode, this.#run, this.#length, scope);
    for (const node of privately(fragment.nodes, isOwn, scope)) code = code.#append(node);
    return fragment.mode === code.mode ? code : code.#inMode(fragment.mode);
  }

  #isAfterFarTransfer(): boolean {
    const last = this.#last(isAny);
    // Where the code has gone on in another mode already, the transfer is used up.
    return last?.kind === "instruction" && last.mode === this.mode && isFarTransfer(last.mnemonic);
  }

  /** Names this place with a name that is no business of other code: where it is taken in, the name becomes another. */
  privateLabel(name: string): CodeBuilder {
    return this.#append({
      kind: "label",
      name,
      local: true,
      mode: this.mode,
      site: captureCallSite(this.privateLabel),
    });
  }

  label(name: string): CodeBuilder {
    const site = captureCallSite(this.label);
    return this.#append({ kind: "label", name: checkName("label", name, site), mode: this.mode, site });
  }

  asm(text: TemplateStringsArray | string, ...values: unknown[]): CodeBuilder {
    const source = templateText(text, values, captureCallSite(this.asm));
    return readText(source, this.mode, { isWhole: false }).reduce<CodeBuilder>(
      (code, node) => code.#append(node),
      this,
    );
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
    if (this.#isAfterFarTransfer()) return this.#inMode(mode);
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

  /** Appends data; the methods that bear the names of the data statements call this. */
  data(
    make: (context: DataContext, ...operands: never[]) => Node,
    operands: readonly unknown[],
    site: CallSite,
  ): CodeBuilder {
    const followsInstruction = (): boolean => this.#last(isNoName)?.kind === "instruction";
    return this.#append(make({ mode: this.mode, site, followsInstruction }, ...(operands as never[])));
  }

  /** The last statement of those that are wanted. */
  #last(isWanted: (node: Node) => boolean): Node | undefined {
    for (let each: CodeBuilder | undefined = this; each !== undefined; each = each.#run.before) {
      for (let i = each.#length - 1; i >= 0; i--) {
        const node = each.#run.nodes[i]!;
        if (isWanted(node)) return node;
      }
    }
    return undefined;
  }

  #append(node: Node): CodeBuilder {
    const { nodes } = this.#run;
    if (nodes.length !== this.#length)
      return new CodeBuilder(this.mode, { before: this, nodes: [node] }, 1, this.#scopes);
    return new CodeBuilder(this.mode, this.#run, nodes.push(node), this.#scopes);
  }

  #inMode(mode: Mode): CodeBuilder {
    return new CodeBuilder(mode, this.#run, this.#length, this.#scopes);
  }

  #withPrefix(prefix: Prefix): CodeBuilder {
    return new CodeBuilder(this.mode, this.#run, this.#length, this.#scopes, prefix);
  }
}

const isAny = (): boolean => true;
const isNoName = (node: Node): boolean => node.kind !== "label" && node.kind !== "constant";

function badValue(message: string, value: unknown, site: CallSite): AsmError {
  return new AsmError(message, { code: "BAD_VALUE", value, source: locate(site) });
}

/** An operand without its decoration. */
type Plain = Exclude<Operand, Masked | Broadcast | Rounding>;

function nodeOperand(mnemonic: Mnemonic, operand: Plain, site: CallSite): NodeOperand {
  if (typeof operand === "number" || typeof operand === "bigint") return wholeNumber(operand, { site });
  if (typeof operand === "string") return addressOf(checkName(`${mnemonic}, where it names a label,`, operand, site));
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

/**
 * The methods of instructions and data, which the class inherits. An object without a prototype keeps its properties in a
 * hash table; to give a class's own prototype 2,000 of them, V8 would copy those that are there time and again: 30 ms.
 */
const methods = Object.create(null) as object;

function defineInstruction(name: string, mnemonic: Mnemonic): void {
  const method = function (this: CodeBuilder, ...operands: Operand[]): CodeBuilder {
    return this.instruction(mnemonic, operands, captureCallSite(method));
  };
  Object.defineProperty(methods, name, { value: method });
}

function defineWaiting(name: string, mnemonic: Mnemonic): void {
  const method = function (this: CodeBuilder, ...operands: Operand[]): CodeBuilder {
    const site = captureCallSite(method);
    return this.instruction("wait", [], site).instruction(mnemonic, operands, site);
  };
  Object.defineProperty(methods, name, { value: method });
}

function defineData(name: string, make: (context: DataContext, ...operands: never[]) => Node): void {
  const method = function (this: CodeBuilder, ...operands: unknown[]): CodeBuilder {
    return this.data(make, operands, captureCallSite(method));
  };
  Object.defineProperty(methods, name, { value: method });
}

for (const mnemonic of Object.keys(instructionCodes)) defineInstruction(mnemonic, mnemonic as Mnemonic);
for (const [alias, mnemonic] of Object.entries(aliases)) defineInstruction(alias, mnemonic);
for (const [name, mnemonic] of Object.entries(waitingForms)) defineWaiting(name, mnemonic);
for (const [name, make] of Object.entries(dataStatements)) defineData(name, make);
Object.setPrototypeOf(methods, Object.prototype);
Object.setPrototypeOf(CodeBuilder.prototype, methods);

/** Empty code of a mode. The class has every method of the interface: those of instructions and data are defined above. */
function start<M extends Mode, Defined extends string = never>(mode: M): Code<M, Defined, never> {
  return new CodeBuilder(mode, { before: undefined, nodes: [] }, 0, 0) as unknown as Code<M, Defined, never>;
}

/**
 * Starts 16-bit code: real mode, or a 16-bit code segment. With a callback, the code that it writes.
 *
 * @example
 * ```ts
 * code16().mov(ax, 0x1234).hlt(); // b8 34 12 f4
 * ```
 */
export function code16(): Code<16, never, never>;
export function code16<Result>(body: StatementWriter<16, Result>): OpenCode<16>;
export function code16(body?: (code: Statements<16>) => unknown): Code<16, never, never> | OpenCode<16> {
  return body === undefined ? start(16) : writeStatements(start<16, string>(16), body, () => captureCallSite(code16));
}

/**
 * Starts 32-bit code: protected mode, or compatibility mode. With a callback, the code that it writes.
 *
 * @example
 * ```ts
 * code32().mov(eax, 0x1234).hlt(); // b8 34 12 00 00 f4
 * ```
 */
export function code32(): Code<32, never, never>;
export function code32<Result>(body: StatementWriter<32, Result>): OpenCode<32>;
export function code32(body?: (code: Statements<32>) => unknown): Code<32, never, never> | OpenCode<32> {
  return body === undefined ? start(32) : writeStatements(start<32, string>(32), body, () => captureCallSite(code32));
}

/**
 * Starts 64-bit code. With a callback, the code that it writes: loops and conditions are then TypeScript's.
 *
 * @example
 * ```ts
 * code64().mov(rax, 0x1234).hlt(); // 48 c7 c0 34 12 00 00 f4
 * code64((code) => {
 *   for (const character of "Hi") {
 *     code.mov(al, character.charCodeAt(0));
 *     code.out(0xe9, al);
 *   }
 * }); // b0 48 e6 e9 b0 69 e6 e9
 * ```
 */
export function code64(): Code<64, never, never>;
export function code64<Result>(body: StatementWriter<64, Result>): OpenCode<64>;
export function code64(body?: (code: Statements<64>) => unknown): Code<64, never, never> | OpenCode<64> {
  return body === undefined ? start(64) : writeStatements(start<64, string>(64), body, () => captureCallSite(code64));
}
