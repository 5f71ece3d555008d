/** Answers to exits, written to where KVM takes them from when the guest goes on. Pure over the shared page. */
import { kvmRun, newerKvmRun, type Field } from "../abi/structs.ts";
import { answerField } from "./decode-exit.ts";
import type { AnswerableExit, Exit } from "./exits.ts";
import { writeField } from "../abi/fields.ts";
import { badArgument, type KvmError } from "../kvm-error.ts";
import { show } from "../../core/show.ts";
import { paste, type RunPage } from "../calls/run-page.ts";

const { fields } = kvmRun;

/** Where the answer of an exit with a `result` goes. */
const resultFields = {
  hypercall: fields["hypercall.ret"],
  "hyperv-hypercall": fields["hyperv.u.hcall.result"],
  "hyperv-syndbg": fields["hyperv.u.syndbg.status"],
  "xen-hypercall": fields["xen.u.hcall.result"],
  tdx: newerKvmRun.fields["tdx.unknown.ret"],
} as const satisfies Partial<Record<AnswerableExit["kind"], Field>>;

const answerable: ReadonlySet<string> = new Set([...Object.keys(resultFields), "io-in", "mmio-read", "rdmsr", "wrmsr"]);

/** Whether KVM waits for an answer to this exit. */
export function isAnswerable(exit: Exit): exit is AnswerableExit {
  // The most frequent exits first: a string compared is cheaper than one looked up.
  if (exit.kind === "io-out" || exit.kind === "mmio-write") return false;
  return exit.kind === "io-in" || answerable.has(exit.kind);
}

/**
 * Copies an answer to the page. An answer that cannot be taken is an error {@link KvmError} `BAD_ARGUMENT`, and then 0: the
 * page holds no other.
 */
export function answerExit(exit: AnswerableExit, page: RunPage): void {
  const { view, bytes } = page;
  switch (exit.kind) {
    case "io-in":
    case "mmio-read": {
      const [at, size] = answerField(exit, page);
      if (!isOfSize(exit.data, size)) {
        bytes.fill(0, at, at + size);
        throw wrongData(exit.data, size);
      }
      paste(page, at, exit.data);
      return;
    }
    case "rdmsr":
    case "wrmsr":
      view.setUint8(fields["msr.error"][0], exit.error ? 1 : 0);
      if (exit.kind === "rdmsr") writeWord(view, fields["msr.data"], exit.data, "the answer to rdmsr");
      return;
    case "hypercall":
    case "hyperv-hypercall":
    case "hyperv-syndbg":
    case "xen-hypercall":
    case "tdx":
      writeWord(view, resultFields[exit.kind], exit.result, `the result of ${exit.kind}`);
  }
}

function isOfSize(data: unknown, size: number): boolean {
  return data instanceof Uint8Array && data.length === size;
}

function wrongData(data: unknown, size: number): KvmError {
  const isGone = data instanceof Uint8Array && data.buffer.byteLength === 0;
  const got = data instanceof Uint8Array ? `has ${data.length} bytes, not ${size}` : `is no Uint8Array: ${show(data)}`;
  const hint = isGone
    ? "its buffer was transferred away"
    : "write the answer into the exit's data, and leave them in place";
  return badArgument(`the answer ${got}`, data, hint);
}

function writeWord(view: DataView, field: Field, value: bigint, what: string): void {
  view.setBigUint64(field[0], 0n, true);
  writeField(view, field, value, what);
}
