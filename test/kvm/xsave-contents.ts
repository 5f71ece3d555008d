/** What two looks at a vCPU's extended state may be compared by. */
import type { Vcpu } from "../../src/kvm/index.ts";

/** SDM vol. 1, 13.4.2: XSTATE_BV is the first field of the XSAVE header, which follows the 512 bytes of the legacy region. */
const XSTATE_BV = { at: 512, size: 8 };

/**
 * The vCPU's XSAVE area as hexadecimal text, but for XSTATE_BV. A processor may call a component in use that holds its
 * initial values (SDM vol. 1, 13.6), and says so of SSE from time to time between two looks at the same state. KVM writes
 * the initial values of a component that is not in use into the area, so that the bytes themselves say all.
 */
export function xsaveContents(vcpu: Vcpu): string {
  const area = vcpu.getXsave();
  area.fill(0, XSTATE_BV.at, XSTATE_BV.at + XSTATE_BV.size);
  return Buffer.from(area).toString("hex");
}
