/** Prefixes that stand before an instruction in text: each is made into what the builder has for it. */
import type { Memory } from "../operands/memory.ts";
import type { Mode } from "../mode.ts";
import type { EncodingChoice, ImpliedAddress, InstructionNode, Prefix } from "../builder/node.ts";
import type { Cursor } from "./cursor.ts";
import { findRegister } from "./register-names.ts";
import type { Token } from "./tokenizer.ts";

const prefixes: Readonly<Record<string, Prefix>> = {
  rep: "rep",
  repe: "repe",
  repz: "repe",
  repne: "repne",
  repnz: "repne",
  lock: "lock",
  notrack: "notrack",
};

/** Whether a word is a prefix that may be a statement of its own, so that an instruction follows. */
export function prefixOf(word: string): Prefix | undefined {
  return Object.hasOwn(prefixes, word) ? prefixes[word] : undefined;
}

/** The sizes in bits that prefixes ask for. */
const sizes: Readonly<Record<string, readonly ["operandSize" | "addressSize", 16 | 32]>> = {
  data16: ["operandSize", 16],
  data32: ["operandSize", 32],
  addr16: ["addressSize", 16],
  addr32: ["addressSize", 32],
};

/** The encodings that can be chosen by a word in braces. */
const encodings: Readonly<Record<string, EncodingChoice>> = {
  vex: "vex",
  vex2: "vex",
  vex3: "vex3",
  evex: "evex",
  load: "load",
  store: "store",
};

/** The prefixes of one instruction. */
export interface Prefixes {
  prefix: Prefix | undefined;
  /** The segment that is used instead of the usual one. */
  segment?: string;
  /** In bits, where it is not the mode's. */
  operandSize?: 16 | 32;
  addressSize?: 16 | 32;
  encoding?: EncodingChoice;
}

/** Reads the prefixes and gives the token after them; `alone` was a statement of its own. */
export function readPrefixes(cursor: Cursor, alone: Prefix | undefined, mode: Mode): [Prefixes, Token] {
  const read: Prefixes = { prefix: alone };
  for (;;) {
    const token = cursor.next("an instruction");
    const word = token.text.toLowerCase();
    if (word === "{") {
      if (read.encoding !== undefined) throw cursor.error("the instruction has two choices of encoding", { token });
      read.encoding = readEncoding(cursor);
      continue;
    }
    const prefix = prefixOf(word);
    const [kind, bits] = (Object.hasOwn(sizes, word) ? sizes[word] : undefined) ?? [];
    if (prefix !== undefined) {
      if (read.prefix !== undefined) throw cursor.error("the instruction has two prefixes", { token });
      read.prefix = prefix;
    } else if (findRegister(word)?.class === "seg" && !cursor.atEnd) {
      if (read.segment !== undefined) throw cursor.error("the instruction has two segments", { token });
      read.segment = word;
    } else if (kind !== undefined) {
      // 64-bit code has operands of 32 bits without a prefix, and no addresses of 16 bits (SDM vol. 1, 3.6.1).
      const other = mode === 32 || (mode === 64 && kind === "operandSize") ? 16 : 32;
      if (bits !== other || read[kind] !== undefined)
        throw cursor.error(`the prefix ${word} cannot be written here`, { token });
      read[kind] = bits;
    } else return [read, token];
  }
}

/** Reads what follows a brace before an instruction: `evex}`. */
function readEncoding(cursor: Cursor): EncodingChoice {
  const token = cursor.next(...Object.keys(encodings));
  const word = token.text.toLowerCase();
  if (!Object.hasOwn(encodings, word))
    throw cursor.error(`the encoding {${word}} cannot be chosen`, {
      token,
      hint: `these can: ${Object.keys(encodings)
        .map((each) => `{${each}}`)
        .join(", ")}`,
    });
  cursor.expect("}");
  return encodings[word]!;
}

/** String instructions that read what their segment prefix says, and those that only write. */
const readers = /^((movs|cmps|lods|outs)[bwdq]|xlatb)$/;
const repeatable = /^(movs|cmps|lods|outs|stos|scas|ins)[bwdq]$/;
const strings = /^((movs|cmps|lods|outs|stos|scas|ins)[bwdq]|xlatb)$/;

const repeats = /^rep/;

/** Whether `rep` and its like stand before an instruction: RET has them for the branch prediction of old CPUs. */
function isRepeatable({ mnemonic, operands }: InstructionNode): boolean {
  return mnemonic === "ret" || (operands.length === 0 && repeatable.test(mnemonic));
}

/** The instruction with its prefixes; what they mean is written at operands. */
export function withPrefixes(plain: InstructionNode, read: Prefixes, cursor: Cursor, token: Token): InstructionNode {
  const { segment, addressSize, encoding } = read;
  const node = encoding === undefined ? plain : { ...plain, encoding };
  const fail = (word: string): Error =>
    cursor.error(`the prefix ${word} cannot be written before ${node.mnemonic} with these operands`, {
      token,
      hint: "sizes and segments are written at the operands: word ptr fs:[...]",
    });
  if (node.mnemonic === "nop" && node.operands.length === 0 && /^repe?$/.test(node.prefix ?? ""))
    return { ...node, mnemonic: "pause", prefix: undefined };
  if (node.prefix !== undefined && repeats.test(node.prefix) && !isRepeatable(node))
    throw cursor.error(`the prefix ${node.prefix} cannot be written before ${node.mnemonic}`, {
      token,
      hint: "it goes before string instructions and ret",
    });
  if (node.prefix === "notrack" && (segment !== undefined || !isIndirect(node))) throw fail("notrack");
  if (segment === undefined && addressSize === undefined) return node;
  if (strings.test(node.mnemonic) && node.operands.length === 0) {
    if (segment !== undefined && !readers.test(node.mnemonic)) throw fail(segment);
    const size = addressSize ?? node.implied?.size ?? node.mode;
    const implied: ImpliedAddress = { size, segment: segment ?? node.implied?.segment };
    return { ...node, implied };
  }
  const memory = node.operands.find((each): each is Memory => typeof each === "object" && each.kind === "memory");
  if (memory === undefined) throw fail(segment ?? `addr${addressSize}`);
  if (addressSize !== undefined && memory.addressSize !== addressSize) throw fail(`addr${addressSize}`);
  if (segment === undefined) return node;
  if (memory.segment !== undefined && memory.segment !== segment) throw fail(segment);
  return { ...node, operands: node.operands.map((each) => (each === memory ? { ...memory, segment } : each)) };
}

/** Whether a jump or call takes its target from a register or from memory: the only ones that CET tracks (SDM vol. 1, 18.3). */
function isIndirect({ mnemonic, operands: [target] }: InstructionNode): boolean {
  const isNear = mnemonic === "jmp" || mnemonic === "call";
  if (!isNear || typeof target !== "object") return false;
  // A segment's prefix would be in the place of this one.
  return target.kind === "register" || (target.kind === "memory" && target.segment === undefined);
}
