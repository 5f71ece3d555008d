/** `KVM_EXIT_INTERNAL_ERROR`: what KVM gave up on, and what it says of it. Pure. */
import { hex, hexBytes } from "../../core/hex.ts";
import {
  internalErrors,
  KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES,
  type InternalErrorName,
} from "../abi/constants.ts";
import { kvmRun } from "../abi/structs.ts";
import type { InternalErrorExit } from "./exits.ts";
import { readNumber } from "../abi/fields.ts";
import { exitReasonText } from "./hardware-exit.ts";
import type { KvmKind } from "../host/platform.ts";
import { copy, namesOf, words, type RunPage } from "../calls/run-page.ts";

const { fields } = kvmRun;
const internalErrorNames = namesOf<InternalErrorName>(internalErrors);

/** What is known of an internal error besides its number. */
interface Known {
  readonly data: readonly bigint[];
  readonly instruction: Uint8Array | undefined;
  readonly kind: KvmKind;
}

/** What each internal error means. The order of the data is that of vmx.c, svm.c and x86.c of Linux 6.1 to 6.18. */
const texts: Readonly<Record<number, (known: Known) => string>> = {
  [internalErrors.KVM_INTERNAL_ERROR_EMULATION]: ({ instruction }) =>
    instruction === undefined
      ? "KVM cannot emulate an instruction, and does not say which"
      : `KVM cannot emulate the instruction that these bytes begin with: ${hexBytes(instruction)}`,
  [internalErrors.KVM_INTERNAL_ERROR_SIMUL_EX]: ({ data }) =>
    `an exception came while an event was being delivered${listed(data, ["event", "exception", "error code"])}`,
  [internalErrors.KVM_INTERNAL_ERROR_DELIVERY_EV]: ({ data, kind }) =>
    `the guest exited while an event was being delivered: ${reasonText(data[1], kind)}${listed(data, ["event", undefined, "qualification"])}`,
  [internalErrors.KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON]: ({ data, kind }) =>
    `KVM does not expect the guest to exit for this reason: ${reasonText(data[0], kind)}`,
};

const reasonText = (reason: bigint | undefined, kind: KvmKind): string =>
  reason === undefined ? "a reason that is not given" : exitReasonText(reason, kind);

function listed(data: readonly bigint[], names: readonly (string | undefined)[]): string {
  const parts = names.flatMap((name, index) => {
    const value = data[index];
    return name === undefined || value === undefined ? [] : [`${name} ${hex(value)}`];
  });
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

/** The exit of a page whose reason is `KVM_EXIT_INTERNAL_ERROR`. */
export function decodeInternalError(page: RunPage): InternalErrorExit {
  const { view, kind } = page;
  const suberror = readNumber(view, fields["internal.suberror"]);
  const data = words(view, fields["internal.data"], readNumber(view, fields["internal.ndata"]));
  const instruction =
    suberror === internalErrors.KVM_INTERNAL_ERROR_EMULATION ? instructionBytes(page, data.length) : undefined;
  const text = texts[suberror]?.({ data, instruction, kind }) ?? `KVM gave up for reason ${suberror}`;
  return { kind: "internal-error", suberror, name: internalErrorNames.get(suberror), text, data, instruction };
}

/** The flags are there from one word of data on, the bytes (a length, then 15) from three (linux/kvm.h). */
function instructionBytes(page: RunPage, dataWords: number): Uint8Array | undefined {
  const flags = page.view.getUint32(fields["emulation_failure.flags"][0], true);
  if (dataWords < 3 || (flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) === 0) return undefined;
  const [at, room] = fields["emulation_failure.insn_bytes"];
  return copy(page, at, Math.min(readNumber(page.view, fields["emulation_failure.insn_size"]), room));
}
