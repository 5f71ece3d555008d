/** The bytes of an image as instructions. */
import type { PhysAddr } from "../../core/address.ts";
import { hex, hexBytes } from "../../core/hex.ts";
import { loadDisassembler, MAX_INSTRUCTION_SIZE, type Disassembler, type Mode } from "../../disasm/disassemble.ts";
import { entryModes } from "../../layout/entry/entry-mode.ts";
import { imageAddressSpace, type Image, type ImageProgram } from "../../layout/index.ts";
import { walk } from "../../paging/index.ts";
import { CliError } from "../cli-error.ts";
import { columns } from "../output/columns.ts";
import type { Paint } from "../output/terminal.ts";

/** A label, an instruction, or bytes that are none. */
export interface CodeLine {
  readonly kind: "label" | "instruction" | "data";
  /** As the code sees it. */
  readonly address: bigint;
  readonly bytes: Uint8Array;
  /** In Intel syntax; of a label, its name. */
  readonly text: string;
}

/** Bytes that a user asks for. */
export interface CodeRange {
  readonly from: PhysAddr;
  /** In bytes; `undefined` for as many as were loaded there. */
  readonly size: number | undefined;
}

/** Code that lies together. */
interface CodePart {
  readonly phys: PhysAddr;
  /** The address of the first byte as the code sees it. */
  readonly origin: bigint;
  readonly size: number;
  readonly bits: Mode;
  /** Which bytes are data, as far as anybody knows: offsets and sizes. */
  readonly data: readonly { readonly at: number; readonly size: number }[];
  readonly labels: readonly (readonly [name: string, address: bigint])[];
}

/** Reads programs, or the bytes that are asked for. Throws {@link CliError} `NOT_POSSIBLE` where nothing was loaded. */
export async function disassembleImage(
  image: Image,
  range: CodeRange | undefined,
  bits: Mode | undefined,
): Promise<readonly CodeLine[]> {
  const disassembler = await loadDisassembler();
  const parts =
    range === undefined && image.programs.length > 0
      ? image.programs.flatMap((program) => programParts(program))
      : [bytesPart(image, range ?? { from: entryOf(image), size: undefined }, bits ?? entryModes[image.mode].bits)];
  return parts.flatMap((part) => partLines(disassembler, part, bytesAt(image, part.phys, part.size)));
}

function programParts(program: ImageProgram): readonly CodePart[] {
  const labels = Object.entries(program.labels);
  return [program, ...program.sections].map(({ phys, origin, size }) => {
    const isHere = (address: bigint): boolean => address >= origin && address < origin + BigInt(size);
    const data = program.listing
      .filter(({ kind, address }) => kind === "data" && isHere(address))
      .map(({ address, bytes }) => ({ at: Number(address - origin), size: bytes.length }));
    return { phys, origin, size, bits: program.mode, data, labels: labels.filter(([, address]) => isHere(address)) };
  });
}

/** Where the first instruction lies in memory. */
function entryOf(image: Image): PhysAddr {
  const { segments, regs } = image.cpu;
  const linear = image.mode === "long64" ? regs.rip : segments.cs.base + regs.rip;
  const { mode, page } = walk(imageAddressSpace(image), linear, "fetch");
  return mode === "off" ? linear : (page?.phys ?? linear);
}

function bytesPart(image: Image, { from, size }: CodeRange, bits: Mode): CodePart {
  const chunk = image.chunks.find(({ at, bytes }) => from >= at && from < at + BigInt(bytes.length));
  if (chunk === undefined) {
    throw new CliError(`nothing was loaded at physical ${hex(from)}`, {
      code: "NOT_POSSIBLE",
      value: from,
      hint: "guestwright inspect FILE memory shows what lies where",
    });
  }
  const left = Number(chunk.at + BigInt(chunk.bytes.length) - from);
  return { phys: from, origin: from, size: Math.min(size ?? left, left), bits, data: [], labels: [] };
}

function bytesAt({ chunks }: Image, phys: PhysAddr, size: number): Uint8Array {
  const found = new Uint8Array(size);
  for (const { at, bytes } of chunks) {
    const offset = Number(at - phys);
    if (offset >= size || offset + bytes.length <= 0) continue;
    found.set(bytes.subarray(Math.max(0, -offset), size - offset), Math.max(0, offset));
  }
  return found;
}

function partLines(disassembler: Disassembler, part: CodePart, bytes: Uint8Array): CodeLine[] {
  const lines: CodeLine[] = [];
  for (let offset = 0; offset < part.size;) {
    const address = part.origin + BigInt(offset);
    for (const [text, at] of part.labels) {
      if (at === address) lines.push({ kind: "label", address, bytes: new Uint8Array(), text });
    }
    const line = dataLine(part, bytes, offset) ?? instructionLine(disassembler, part, bytes, offset);
    lines.push(line);
    offset += line.bytes.length;
  }
  return lines;
}

function dataLine({ origin, data }: CodePart, bytes: Uint8Array, offset: number): CodeLine | undefined {
  const found = data.find(({ at, size }) => offset >= at && offset < at + size);
  if (found === undefined) return undefined;
  const shown = bytes.subarray(offset, Math.min(found.at + found.size, offset + DATA_ROW));
  return { kind: "data", address: origin + BigInt(offset), bytes: shown, text: "data" };
}

/** How many bytes of data a line has. */
const DATA_ROW = 8;

function instructionLine(
  disassembler: Disassembler,
  { origin, bits }: CodePart,
  bytes: Uint8Array,
  offset: number,
): CodeLine {
  const address = origin + BigInt(offset);
  const code = bytes.subarray(offset, offset + MAX_INSTRUCTION_SIZE);
  const instruction = disassembler.first({ bytes: code, mode: bits, address });
  return instruction === undefined
    ? { kind: "data", address, bytes: code.subarray(0, 1), text: "(no instruction)" }
    : { kind: "instruction", ...instruction };
}

/** The lines as a person reads them: addresses, bytes, instructions, labels to the left. */
export function linesToText(lines: readonly CodeLine[], paint: Paint): string {
  const rows = columns(
    lines.map(({ kind, address, bytes, text }) => (kind === "label" ? [""] : [hex(address, 8), hexBytes(bytes), text])),
  );
  return lines
    .map(({ kind, text }, index) => (kind === "label" ? paint("bold", `${text}:`) : `  ${rows[index]}`))
    .join("\n");
}
