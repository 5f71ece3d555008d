/** Whether this host has a KVM to test on. Without one tests skip, and say why; with REQUIRE_KVM=1 they fail instead. */
import { describe } from "vitest";
import { Kvm, kvmKind, type KvmKind } from "../../src/kvm/index.ts";

async function probe(): Promise<string | undefined> {
  try {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    vm.createVcpu(0);
    return undefined;
  } catch (error) {
    if (process.env["REQUIRE_KVM"] === "1") throw error;
    return error instanceof Error ? error.message : String(error);
  }
}

const reason = await probe();
if (reason !== undefined) process.stderr.write(`skipped, no KVM: ${reason}\n`);

/** The kind of KVM that the results come from. */
export const kind: KvmKind = kvmKind();

/** `describe` for what needs `/dev/kvm`. */
export const describeKvm = describe.skipIf(reason !== undefined);

/** `describe` for what only the KVM without virtualisation hardware does. */
export const describePvm = describe.skipIf(reason !== undefined || kind !== "pvm");
