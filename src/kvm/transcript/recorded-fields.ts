/** What of each exit a transcript has. Pure. */
import type { AnswerableExit, Exit } from "../exits/exits.ts";

/** The exit of a kind. */
type ExitOf<Kind extends Exit["kind"]> = Extract<Exit, { readonly kind: Kind }>;

/** What a field is, for those who read it from text. */
export type FieldType =
  | "number"
  | "bigint"
  | "boolean"
  | "text"
  | "bytes"
  | "bigints"
  | "text or nothing"
  | "bytes or nothing";

/**
 * The fields of each kind of exit that the guest decides. The others are left out: times, the number of the host's CPU, how
 * many accesses KVM joined, what one kind of KVM says and another does not.
 */
export const recordedFields = {
  "io-out": { port: "number", size: "number", data: "bytes" },
  "io-in": { port: "number", size: "number", data: "bytes" },
  "mmio-read": { address: "bigint", size: "number", data: "bytes" },
  "mmio-write": { address: "bigint", size: "number", data: "bytes" },
  // Whether KVM does not know a register or refuses it depends on the host.
  rdmsr: { index: "number", data: "bigint", error: "boolean" },
  wrmsr: { index: "number", data: "bigint", error: "boolean" },
  hlt: {},
  debug: { exception: "number", pc: "bigint", isStep: "boolean" },
  shutdown: {},
  "internal-error": { suberror: "number", name: "text or nothing", instruction: "bytes or nothing" },
  "fail-entry": { reason: "bigint" },
  timeout: {},
  interrupted: {},
  "exit-limit": {},
  "guest-exit": { device: "text", code: "number" },
  hypercall: { number: "bigint", args: "bigints", flags: "number", result: "bigint" },
  "hyperv-synic": { msr: "number", control: "bigint", eventPage: "bigint", messagePage: "bigint" },
  "hyperv-hypercall": { input: "bigint", params: "bigints", result: "bigint" },
  "hyperv-syndbg": {
    msr: "number",
    control: "bigint",
    sendPage: "bigint",
    receivePage: "bigint",
    pendingPage: "bigint",
    result: "bigint",
  },
  "xen-hypercall": { longMode: "boolean", cpl: "number", input: "bigint", params: "bigints", result: "bigint" },
  tdx: { flags: "bigint", number: "bigint", data: "bigints", result: "bigint" },
  "system-event": { type: "number", name: "text or nothing", data: "bigints" },
  "ioapic-eoi": { vector: "number" },
  "irq-window-open": {},
  "set-tpr": { cr8: "bigint" },
  "tpr-access": { rip: "bigint", isWrite: "boolean" },
  "dirty-ring-full": {},
  "ap-reset-hold": {},
  "bus-lock": {},
  notify: { contextInvalid: "boolean" },
  "memory-fault": { flags: "bigint", address: "bigint", size: "bigint" },
  exception: { exception: "number", errorCode: "number" },
  nmi: {},
  hardware: { reason: "bigint" },
  unknown: { reason: "number", name: "text or nothing" },
} as const;

/** The same, as the compiler compares it with the exits: no kind is missing, and no field is made up. */
const checkedFields: { readonly [Kind in Exit["kind"]]: Readonly<Partial<Record<keyof ExitOf<Kind>, FieldType>>> } =
  recordedFields;

/** The recorded fields of a kind of exit. */
export function fieldsOfKind(kind: Exit["kind"]): Readonly<Record<string, FieldType>> {
  return checkedFields[kind];
}

/** The fields with which the host answers: what a replay gives back. */
export const answerFields: { readonly [Kind in AnswerableExit["kind"]]: readonly (keyof ExitOf<Kind>)[] } = {
  "io-in": ["data"],
  "mmio-read": ["data"],
  rdmsr: ["data", "error"],
  wrmsr: ["error"],
  hypercall: ["result"],
  "hyperv-hypercall": ["result"],
  "hyperv-syndbg": ["result"],
  "xen-hypercall": ["result"],
  tdx: ["result"],
};

/** Exits that are the host's doing, not the guest's: another run may have them elsewhere, or not at all. */
export const hostKinds: ReadonlySet<Exit["kind"]> = new Set<Exit["kind"]>([
  "timeout",
  "interrupted",
  "exit-limit",
  "guest-exit",
]);
