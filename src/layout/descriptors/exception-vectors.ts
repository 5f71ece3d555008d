/** The exceptions of the architecture: SDM vol. 3A, table 6-1; #HV, #VC and #SX: AMD APM vol. 2, 8.2. */

/**
 * What happens to the instruction: a `fault` is reported before it, so that it can be run again; a `trap` after it; after an
 * `abort` there is no way back. An `interrupt` has nothing to do with the instruction (SDM vol. 3A, 6.5).
 */
export type ExceptionClass = "fault" | "trap" | "fault or trap" | "abort" | "interrupt";

/** An exception of the architecture. */
export interface Exception {
  /** Its number: the index of its gate in the IDT. */
  readonly vector: number;
  /** As the manual calls it. */
  readonly name: string;
  readonly class: ExceptionClass;
  /** Whether the CPU pushes an error code. It does not in real mode. */
  readonly errorCode: boolean;
}

/** The mnemonic of an exception, as the manuals write it. */
export type ExceptionName = keyof typeof exceptionVectors;

/**
 * Every exception by its mnemonic. AMD calls #XM #XF. Vectors 9, 15 and 22 to 31 but for these are reserved.
 *
 * @example
 * ```ts
 * exceptionVectors["#PF"].vector; // 14
 * ```
 */
export const exceptionVectors = {
  "#DE": { vector: 0, name: "divide error", class: "fault", errorCode: false },
  "#DB": { vector: 1, name: "debug exception", class: "fault or trap", errorCode: false },
  NMI: { vector: 2, name: "non-maskable interrupt", class: "interrupt", errorCode: false },
  "#BP": { vector: 3, name: "breakpoint", class: "trap", errorCode: false },
  "#OF": { vector: 4, name: "overflow", class: "trap", errorCode: false },
  "#BR": { vector: 5, name: "BOUND range exceeded", class: "fault", errorCode: false },
  "#UD": { vector: 6, name: "invalid opcode", class: "fault", errorCode: false },
  "#NM": { vector: 7, name: "device not available", class: "fault", errorCode: false },
  "#DF": { vector: 8, name: "double fault", class: "abort", errorCode: true },
  "#TS": { vector: 10, name: "invalid TSS", class: "fault", errorCode: true },
  "#NP": { vector: 11, name: "segment not present", class: "fault", errorCode: true },
  "#SS": { vector: 12, name: "stack-segment fault", class: "fault", errorCode: true },
  "#GP": { vector: 13, name: "general protection", class: "fault", errorCode: true },
  "#PF": { vector: 14, name: "page fault", class: "fault", errorCode: true },
  "#MF": { vector: 16, name: "x87 floating-point error", class: "fault", errorCode: false },
  "#AC": { vector: 17, name: "alignment check", class: "fault", errorCode: true },
  "#MC": { vector: 18, name: "machine check", class: "abort", errorCode: false },
  "#XM": { vector: 19, name: "SIMD floating-point exception", class: "fault", errorCode: false },
  "#VE": { vector: 20, name: "virtualization exception", class: "fault", errorCode: false },
  "#CP": { vector: 21, name: "control protection exception", class: "fault", errorCode: true },
  "#HV": { vector: 28, name: "hypervisor injection exception", class: "fault", errorCode: false },
  "#VC": { vector: 29, name: "VMM communication exception", class: "fault", errorCode: true },
  "#SX": { vector: 30, name: "security exception", class: "fault", errorCode: true },
} as const;

const exceptions: Readonly<Record<ExceptionName, Exception>> = exceptionVectors;
const byVector = new Map(
  (Object.keys(exceptions) as ExceptionName[]).map((name) => [exceptions[name].vector, name] as const),
);

/** The mnemonic of a vector; `undefined` where no exception has it. */
export function exceptionName(vector: number): ExceptionName | undefined {
  return byVector.get(vector);
}

/** Whether the CPU pushes an error code on its way through the gate of a vector. */
export function pushesErrorCode(vector: number): boolean {
  const name = byVector.get(vector);
  return name !== undefined && exceptions[name].errorCode;
}
