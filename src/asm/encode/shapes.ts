/**
 * Shapes: what instructions have in common that differ in labels alone, or in numbers of one class. A shape is planned and
 * encoded once, and compared with what was written in full; the linker fills in each instruction's own numbers, and the
 * last check compares those.
 */
import { FormTable } from "../instructions/form-table.ts";
import type { InstructionNode, Node, NodeOperand } from "../builder/node.ts";
import { maskToText } from "../operands/decorators.ts";
import type { Memory } from "../operands/memory.ts";
import type { RegisterClass } from "../operands/register.ts";
import { Encoder, type Encoding, type Request } from "./encode.ts";
import { loadIced } from "./iced.ts";
import { loadKeystone } from "./keystone.ts";
import { notEncodable } from "./not-encodable.ts";
import { numberClass } from "./number-class.ts";
import { isExpression } from "../operands/expression.ts";
import { numberPlaces, type NumberPlace } from "./number-place.ts";
import { plan } from "./plan.ts";

/** A way to encode an instruction, with its bytes. */
export interface Alternative {
  readonly request: Request;
  readonly encoding: Encoding;
  /** The numbers that each instruction of the shape has its own of. */
  readonly places: readonly NumberPlace[];
  /** Whether an instruction's bytes are not just those of the encoding. */
  readonly hasOwnNumbers: boolean;
}

/** What instructions share. */
interface Shape {
  readonly requests: readonly Request[];
  /** Shortest first; `undefined` until they are encoded. */
  alternatives: readonly Alternative[] | undefined;
}

/** Shapes by what makes them up, one part after another. */
class ShapeTree {
  readonly #branches = new Map<unknown, ShapeTree>();
  shape: Shape | undefined;

  /** The part of the tree under a key. */
  under(key: unknown): ShapeTree {
    let tree = this.#branches.get(key);
    if (tree === undefined) this.#branches.set(key, (tree = new ShapeTree()));
    return tree;
  }
}

/** So many shapes are kept: a large program has some thousands. */
const mostKept = 4096;

let kept = new ShapeTree();
let count = 0;
let table: FormTable | undefined;

/**
 * The ways to encode each statement that is an instruction, shortest first; empty for others.
 *
 * @throws AsmError for the first instruction that has none.
 */
export async function encodeAll(nodes: readonly Node[]): Promise<readonly (readonly Alternative[])[]> {
  const iced = await loadIced();
  table ??= new FormTable(iced);
  if (count > mostKept) [kept, count] = [new ShapeTree(), 0];
  const news = new Map<Shape, InstructionNode>();
  const shapes: (Shape | undefined)[] = [];
  for (const node of nodes) {
    const shape = node.kind === "instruction" ? shapeOf(node, table) : undefined;
    if (shape !== undefined && shape.alternatives === undefined) news.set(shape, node as InstructionNode);
    shapes.push(shape);
  }
  await encodeShapes(news, table, new Encoder(iced, loadKeystone));
  return shapes.map((shape, i) => {
    if (shape === undefined) return none;
    if (shape.alternatives!.length === 0) throw notEncodable(nodes[i] as InstructionNode);
    return shape.alternatives!;
  });
}

const none: readonly Alternative[] = [];

async function encodeShapes(
  shapes: ReadonlyMap<Shape, InstructionNode>,
  forms: FormTable,
  encoder: Encoder,
): Promise<void> {
  const encodings = await encoder.encode(Array.from(shapes.keys()).flatMap(({ requests }) => requests));
  let next = 0;
  for (const [shape, node] of shapes) {
    const alternatives: Alternative[] = [];
    for (const request of shape.requests) {
      const encoding = encodings[next++];
      if (encoding === undefined) continue;
      const places = numberPlaces(node, encoding, hasClasses(node, forms));
      alternatives.push({ request, encoding, places, hasOwnNumbers: request.isPending || places.length > 0 });
    }
    shape.alternatives = alternatives;
  }
}

function shapeOf(node: InstructionNode, forms: FormTable): Shape {
  const tree = treeOf(node, forms);
  if (tree.shape === undefined) {
    tree.shape = { requests: plan(forms, node), alternatives: undefined };
    count++;
  }
  return tree.shape;
}

function treeOf(node: InstructionNode, forms: FormTable): ShapeTree {
  const { mode, mnemonic, prefix, operands } = node;
  const byClass = hasClasses(node, forms);
  let tree = kept.under(mnemonic).under(mode).under(prefix).under(rarities(node));
  for (const operand of operands) {
    if (typeof operand === "bigint") tree = tree.under(byClass ? numberClass(operand) : operand);
    else if (operand.kind === "memory") tree = memoryIn(tree, operand, byClass);
    else if (operand.kind === "far")
      tree = tree.under(`${isExpression(operand.selector) ? "label" : operand.selector}:${operand.bits}`);
    else tree = tree.under(operand.kind === "register" ? operand : operand.kind);
  }
  return tree;
}

function memoryIn(tree: ShapeTree, memory: Memory, byClass: boolean): ShapeTree {
  const { size, addressSize, scale, segment, base, index, displacement } = memory;
  // Sizes are below 1024, and scales below 16.
  const sizes = (addressSize * 1024 + size) * 16 + scale;
  const isNumber = typeof displacement === "bigint";
  const distance = isNumber ? (byClass ? numberClass(displacement) : displacement) : "label";
  return tree.under("memory").under(sizes).under(segment).under(base).under(index).under(distance);
}

/** What few instructions have. */
function rarities({ decorators, operandSize, isAbsolute, implied, encoding }: InstructionNode): string {
  const { mask, broadcast, rounding } = decorators;
  let text = "";
  if (operandSize !== undefined || isAbsolute === true) text += ` as ${operandSize} ${isAbsolute}`;
  if (implied !== undefined) text += ` at ${implied.segment}:${implied.size}`;
  if (encoding !== undefined) text += ` {${encoding}}`;
  if (mask !== undefined || broadcast !== false || rounding !== undefined)
    text += ` ${maskToText(decorators)} ${broadcast} ${rounding}`;
  return text;
}

const generalRegisters = new Set<RegisterClass>(["r8", "r16", "r32", "r64", "seg", "cr", "dr"]);

/**
 * Whether numbers of one class are encoded alike. Not so where EVEX scales displacements (SDM vol. 2A, 2.7.5), nor where
 * an immediate names a register, as of some vector instructions (SDM vol. 2A, 3.1.1.2). Two numbers are rare: ENTER.
 */
function hasClasses({ mnemonic, operands }: InstructionNode, forms: FormTable): boolean {
  return (
    operands.every(isGeneral) &&
    !(typeof operands[0] === "bigint" && typeof operands[1] === "bigint") &&
    !forms.hasEvex(mnemonic)
  );
}

function isGeneral(operand: NodeOperand): boolean {
  if (typeof operand === "bigint" || operand.kind === "expression" || operand.kind === "far") return true;
  if (operand.kind === "register") return generalRegisters.has(operand.class);
  // What lies at an address relative to RIP depends on where the instruction is.
  return !(typeof operand.displacement === "bigint" && (operand.base === "rip" || operand.base === "eip"));
}
