/** Whether the guest is at the first instruction of a handler, and where from. */
import { hex } from "../../core/hex.ts";
import { tryDecode } from "../../layout/descriptors/descriptor-table.ts";
import { exceptionName, pushesErrorCode } from "../../layout/descriptors/exception-vectors.ts";
import { placeOf } from "../machine/location.ts";
import { entrySize, vectorText } from "./deliver.ts";
import type { HandlerFinding } from "./finding.ts";
import { placeText, type GuestView } from "./guest-view.ts";
import { descriptorOf } from "./selector.ts";

/**
 * The vector whose gate leads to RIP, and the place that the frame on the stack would return to. Where several vectors share
 * a handler, the frame does not say which of them it was: then nothing is found.
 */
export function findHandler(view: GuestView): HandlerFinding | undefined {
  const { cpu, isReal, isLong, guest } = view;
  if (isReal) return undefined;
  const vectors = vectorsTo(view, cpu.regs.rip);
  const [vector] = vectors;
  if (vector === undefined || vectors.length > 1) return undefined;
  const size = isLong ? 8 : 4;
  const at = view.linear("ss", cpu.regs.rsp + (pushesErrorCode(vector) ? BigInt(size) : 0n));
  const rip = view.readNumber(at, size);
  const code = view.readNumber(BigInt.asUintN(64, at + BigInt(size)), size);
  if (rip === undefined || code === undefined || !isCodeSelector(view, code)) return undefined;
  // The frame's segment is taken for flat, as in 64-bit code all are.
  const physical = view.physical(rip);
  const from = { rip, linear: rip, ...placeOf(guest.image.programs ?? [], physical) };
  const came =
    from.linear === view.linear("cs", cpu.regs.rip)
      ? "that it came from there itself, which goes on until the stack is full"
      : `that it came from ${placeText(from)}`;
  return {
    ...{ kind: "handler", vector, exception: exceptionName(vector), from, hint: undefined },
    text: `rip ${hex(cpu.regs.rip)} is where the gate of ${vectorText(vector)} leads; the frame on its stack says ${came}`,
  };
}

/** A frame holds the selector of a code segment; what holds none was not pushed by the CPU. */
function isCodeSelector(view: GuestView, selector: bigint): boolean {
  const found = selector > 0xffffn ? undefined : descriptorOf(view, Number(selector));
  return typeof found === "object" && found.type === "code";
}

function vectorsTo(view: GuestView, rip: bigint): readonly number[] {
  const { idt } = view.cpu;
  const size = entrySize(view);
  const count = Math.min(256, Math.floor((idt.limit + 1) / size));
  const table = view.read(idt.base, count * size);
  return Array.from({ length: Math.floor(table.length / size) }, (_, vector) => vector).filter((vector) => {
    const { descriptor } = tryDecode(table.subarray(vector * size, (vector + 1) * size), { long: view.isLong });
    return descriptor !== undefined && "offset" in descriptor && descriptor.offset === rip;
  });
}
