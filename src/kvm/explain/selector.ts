/** Whether a selector may be loaded: what the GDT and the LDT hold. SDM vol. 3A, 3.4.2 and 5.5 to 5.8. */
import { hex } from "../../core/hex.ts";
import { tryDecode } from "../../layout/descriptors/descriptor-table.ts";
import { descriptorToText } from "../../layout/descriptors/descriptor-text.ts";
import type { Descriptor } from "../../layout/descriptors/descriptor.ts";
import { exceptionVectors } from "../../layout/descriptors/exception-vectors.ts";
import type { GuestView } from "./guest-view.ts";

/** What a selector is loaded for. */
export type SelectorUse =
  /** DS, ES, FS or GS. */
  | "data"
  /** SS. */
  | "stack"
  /** CS, by a far jump or call. */
  | "code"
  /** CS, by a far return or `iret`. */
  | "return"
  /** CS, by the gate of an interrupt or exception. */
  | "gate"
  /** TR. */
  | "task"
  /** LDTR. */
  | "ldt";

/** What the CPU raises instead of a load. */
export interface SelectorFault {
  readonly vector: number;
  readonly errorCode: number;
  /** In words, about the selector. */
  readonly problem: string;
  readonly hint: string | undefined;
}

/** A descriptor that was found, and the selector that led to it. */
interface Load {
  readonly view: GuestView;
  readonly selector: number;
  /** The RPL: what the selector's lowest two bits ask for. */
  readonly requested: number;
  readonly descriptor: Descriptor;
}

interface UseRule {
  /** What the descriptor must be. */
  readonly demand: string;
  readonly fits: (load: Load) => boolean;
  /** The exception where it fits, but is not present. */
  readonly absent: "#NP" | "#SS";
}

const privilegeOf = (descriptor: Descriptor): number => ("dpl" in descriptor ? (descriptor.dpl ?? 0) : 0);

const isConforming = (descriptor: Descriptor): boolean => descriptor.type === "code" && descriptor.conforming === true;

const useRules: Readonly<Record<SelectorUse, UseRule>> = {
  data: {
    demand: "a data segment, or code that can be read, open to this privilege",
    fits: ({ view, descriptor, requested }) =>
      (descriptor.type === "data" || (descriptor.type === "code" && descriptor.readable === true)) &&
      (isConforming(descriptor) || privilegeOf(descriptor) >= Math.max(view.level, requested)),
    absent: "#NP",
  },
  stack: {
    demand: "a data segment that can be written, of just this privilege",
    fits: ({ view, descriptor, requested }) =>
      descriptor.type === "data" &&
      descriptor.writable === true &&
      requested === view.level &&
      privilegeOf(descriptor) === view.level,
    absent: "#SS",
  },
  code: {
    demand: "a code segment of just this privilege",
    fits: ({ view, descriptor, requested }) =>
      descriptor.type === "code" &&
      (isConforming(descriptor)
        ? privilegeOf(descriptor) <= view.level
        : requested <= view.level && privilegeOf(descriptor) === view.level),
    absent: "#NP",
  },
  return: {
    demand: "a code segment of the privilege that the selector asks for, and of no higher one than this",
    fits: ({ view, descriptor, requested }) =>
      descriptor.type === "code" &&
      requested >= view.level &&
      (isConforming(descriptor) ? privilegeOf(descriptor) <= requested : privilegeOf(descriptor) === requested),
    absent: "#NP",
  },
  gate: {
    demand: "a code segment of this privilege or a higher one",
    fits: ({ view, descriptor }) => descriptor.type === "code" && privilegeOf(descriptor) <= view.level,
    absent: "#NP",
  },
  task: {
    demand: "a TSS that is not busy",
    fits: ({ descriptor }) => descriptor.type === "tss" && descriptor.busy !== true,
    absent: "#NP",
  },
  ldt: { demand: "an LDT", fits: ({ descriptor }) => descriptor.type === "ldt", absent: "#NP" },
};

/** The uses that the null selector is good for; SS takes it in 64-bit code below ring 3. */
const takesNull: ReadonlySet<SelectorUse> = new Set<SelectorUse>(["data", "ldt"]);

/** Descriptors that a far jump or call goes through. */
type Passage = Extract<Descriptor, { readonly type: "call-gate" | "task-gate" | "tss" }>;

const isPassage = (descriptor: Descriptor): descriptor is Passage =>
  ["call-gate", "task-gate", "tss"].includes(descriptor.type);

/** Makes the exception that a load raises. */
type Refuse = (problem: string, exception?: "#GP" | "#NP" | "#SS") => SelectorFault;

/** What loading a selector raises; `undefined` where it succeeds, and where that cannot be told. */
export function selectorFault(view: GuestView, selector: number, use: SelectorUse): SelectorFault | undefined {
  const { demand, fits, absent } = useRules[use];
  const errorCode = selector & ~3;
  const refuse: Refuse = (problem, exception = "#GP") => ({
    vector: exceptionVectors[exception].vector,
    errorCode,
    problem: `selector ${hex(selector, 4)} ${problem}`,
    hint: view.cpu.gdt.limit < 7 ? "give the layout's gdt a place, or load one with lgdt" : undefined,
  });
  if ((selector & 4) !== 0 && (use === "task" || use === "ldt"))
    return refuse("is one of the LDT, and this must be one of the GDT");
  if (errorCode === 0) {
    const isTaken = takesNull.has(use) || (use === "stack" && view.bits === 64 && view.level < 3);
    return isTaken ? undefined : refuse(`is the null selector, which is not ${demand}`);
  }
  const found = descriptorOf(view, selector);
  if (typeof found === "string") return refuse(found);
  if (found === undefined) return undefined;
  if (use === "code" && isPassage(found)) return passageFault(view, { found, requested: selector & 3, refuse });
  if (!fits({ view, selector, requested: selector & 3, descriptor: found })) {
    return refuse(`is ${describe(found)}, not ${demand}`);
  }
  return "present" in found && !found.present ? refuse("leads to a segment that is not present", absent) : undefined;
}

/** What a far jump or call raises on its way through a gate or to a task (SDM vol. 2A, CALL and JMP). */
function passageFault(
  view: GuestView,
  { found, requested, refuse }: { readonly found: Passage; readonly requested: number; readonly refuse: Refuse },
): SelectorFault | undefined {
  if (privilegeOf(found) < Math.max(view.level, requested))
    return refuse(`is ${describe(found)}, which is not open to this privilege`);
  if (found.present === false) return refuse(`is ${describe(found)}, which is not present`, "#NP");
  if (found.type === "tss") return found.busy === true ? refuse(`is ${describe(found)}, which is busy`) : undefined;
  const target = selectorFault(view, found.selector, found.type === "call-gate" ? "gate" : "task");
  return target && { ...target, problem: refuse(`is ${describe(found)}, whose ${target.problem}`).problem };
}

function describe(descriptor: Descriptor): string {
  return descriptor.type === "null" ? "an empty entry of its table" : `"${descriptorToText(descriptor)}"`;
}

/** The descriptor of a selector, or in words why there is none; `undefined` where the table cannot be read. */
export function descriptorOf(view: GuestView, selector: number): Descriptor | string | undefined {
  const { gdt, segments } = view.cpu;
  const isLocal = (selector & 4) !== 0;
  if (isLocal && segments.ldt.unusable === 1) return "is one of the LDT, and there is none: LDTR holds no segment";
  const table = isLocal ? segments.ldt : gdt;
  const offset = selector & ~7;
  const name = isLocal ? "LDT" : "GDT";
  if (offset + 7 > table.limit) {
    const what = table.limit < 7 ? `leads to a ${name} that is not there` : `is beyond the ${name}`;
    return `${what} (its limit is ${hex(table.limit)})`;
  }
  const width = view.isLong ? 64 : 32;
  const bytes = view.read(BigInt.asUintN(width, table.base + BigInt(offset)), view.isLong ? 16 : 8);
  if (bytes.length < 8) return undefined;
  // The second half of 16 is not read where the first says code or data.
  const padded = new Uint8Array(16);
  padded.set(bytes);
  const { descriptor } = tryDecode(padded, { long: view.isLong });
  return descriptor ?? "leads to an entry that is no descriptor";
}
