/** `KVM_EXIT_HYPERV` and `KVM_EXIT_XEN`: exits for guests that think they run on another hypervisor. Pure. */
import { hypervExits, KVM_EXIT_XEN_HCALL } from "../abi/constants.ts";
import { kvmRun } from "../abi/structs.ts";
import type { HypervHypercallExit, HypervSyndbgExit, HypervSynicExit, XenHypercallExit } from "./exit-interface.ts";
import { readBigint, readNumber } from "../abi/fields.ts";
import { words, type RunPage } from "../calls/run-page.ts";

type HypervExit = HypervSynicExit | HypervHypercallExit | HypervSyndbgExit;

const { fields } = kvmRun;

const hypervDecoders: Readonly<Record<number, (page: RunPage) => HypervExit>> = {
  [hypervExits.KVM_EXIT_HYPERV_SYNIC]: ({ view }) => ({
    kind: "hyperv-synic",
    msr: readNumber(view, fields["hyperv.u.synic.msr"]),
    control: readBigint(view, fields["hyperv.u.synic.control"]),
    eventPage: readBigint(view, fields["hyperv.u.synic.evt_page"]),
    messagePage: readBigint(view, fields["hyperv.u.synic.msg_page"]),
  }),
  [hypervExits.KVM_EXIT_HYPERV_HCALL]: ({ view }) => ({
    kind: "hyperv-hypercall",
    input: readBigint(view, fields["hyperv.u.hcall.input"]),
    params: words(view, fields["hyperv.u.hcall.params"]),
    result: 0n,
  }),
  [hypervExits.KVM_EXIT_HYPERV_SYNDBG]: ({ view }) => ({
    kind: "hyperv-syndbg",
    msr: readNumber(view, fields["hyperv.u.syndbg.msr"]),
    control: readBigint(view, fields["hyperv.u.syndbg.control"]),
    sendPage: readBigint(view, fields["hyperv.u.syndbg.send_page"]),
    receivePage: readBigint(view, fields["hyperv.u.syndbg.recv_page"]),
    pendingPage: readBigint(view, fields["hyperv.u.syndbg.pending_page"]),
    result: readBigint(view, fields["hyperv.u.syndbg.status"]),
  }),
};

/** The exit of a page whose reason is `KVM_EXIT_HYPERV`; `undefined` for a type that this version does not know. */
export function decodeHyperv(page: RunPage): HypervExit | undefined {
  return hypervDecoders[readNumber(page.view, fields["hyperv.type"])]?.(page);
}

/** The exit of a page whose reason is `KVM_EXIT_XEN`; `undefined` for a type that this version does not know. */
export function decodeXen({ view }: RunPage): XenHypercallExit | undefined {
  if (readNumber(view, fields["xen.type"]) !== KVM_EXIT_XEN_HCALL) return undefined;
  return {
    kind: "xen-hypercall",
    longMode: readNumber(view, fields["xen.u.hcall.longmode"]) !== 0,
    cpl: readNumber(view, fields["xen.u.hcall.cpl"]),
    input: readBigint(view, fields["xen.u.hcall.input"]),
    params: words(view, fields["xen.u.hcall.params"]),
    result: 0n,
  };
}
