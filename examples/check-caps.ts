/** Which KVM is here, and what it can do: one `NAME = value` a line. */
import { Kvm } from "guestwright";
import { capabilityNumbers, type CapabilityName } from "guestwright/kvm";

/** Asks KVM for every capability that its API names. */
export async function main(): Promise<void> {
  using kvm = await Kvm.open();
  console.log(`KVM = ${kvm.kind}`);
  console.log(`KVM_API_VERSION = ${kvm.getApiVersion()}`);
  for (const name of Object.keys(capabilityNumbers) as CapabilityName[]) {
    console.log(`${name} = ${kvm.checkExtension(name)}`);
  }
}
