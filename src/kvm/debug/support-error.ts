/** The error for what the host's KVM cannot do. */
import { KvmError } from "../kvm-error.ts";
import type { DebugFeature, DebugSupport } from "./probe.ts";

type Level = "supervisor" | "user";

const levels: readonly Level[] = ["supervisor", "user"];
const levelNumbers: Readonly<Record<Level, number>> = { supervisor: 0, user: 3 };
const featureNames: Readonly<Record<DebugFeature, string>> = {
  singleStep: "single steps",
  breakpoints: "breakpoints",
  watchpoints: "watchpoints",
};

/** A {@link KvmError} `NOT_SUPPORTED`, with what the probe found. @param asked the levels that it was wanted for */
export function notSupported(support: DebugSupport, feature: DebugFeature, asked: readonly Level[] = levels): KvmError {
  const where = asked.map((level) => levelNumbers[level]).join(" or ");
  return new KvmError(`this KVM (${support.kind}) has no ${featureNames[feature]} at privilege level ${where}`, {
    code: "NOT_SUPPORTED",
    value: support,
    hint: `a probe guest found out that it has ${listed(support)}`,
  });
}

function listed(support: DebugSupport): string {
  const found = levels.map((level) => {
    const names = Object.entries(featureNames).filter(([feature]) => support[level][feature as DebugFeature]);
    const text = names.length === 0 ? "nothing of debugging" : names.map(([, name]) => name).join(" and ");
    return `${text} at level ${levelNumbers[level]}`;
  });
  return found.join(", ");
}

/** Throws {@link KvmError} `NOT_SUPPORTED` where a feature works at no level. */
export function requireSupport(support: DebugSupport, feature: DebugFeature): void {
  if (!levels.some((level) => support[level][feature])) throw notSupported(support, feature);
}
