/** Registers by the names that text has for them. */
import type { Register } from "../operands/register.ts";
import * as registers from "../operands/registers.ts";

/** RIP and EIP are registers of addresses only: SDM vol. 1, 3.5.1. */
const instructionPointers: readonly Register[] = [
  { kind: "register", class: "r64", name: "rip" },
  { kind: "register", class: "r32", name: "eip" },
];

const byName: ReadonlyMap<string, Register> = new Map<string, Register>([
  ...(Object.values(registers) as Register[]).map((each) => [each.name, each] as const),
  ...instructionPointers.map((each) => [each.name, each] as const),
  ["st", registers.st0],
  // Other assemblers' names of the debug registers.
  ...([0, 1, 2, 3, 6, 7] as const).map((i) => [`db${i}`, registers[`dr${i}`] as Register] as const),
]);

/** The register of a name in lower case. */
export function findRegister(name: string): Register | undefined {
  return byName.get(name);
}

/** A register of the x87 stack by its number. */
export function stackRegister(number: string): Register | undefined {
  return byName.get(`st${number}`);
}

/** All names, for a suggestion. */
export function registerNames(): Iterable<string> {
  return byName.keys();
}
