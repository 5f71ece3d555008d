/** Register names as iced-x86 numbers them. */
import type * as Iced from "iced-x86";

const ids = new Map<string, number>();

/** iced-x86's number for a register, by the name that code uses. It writes `r8b` as R8L. */
export function registerId(iced: typeof Iced, name: string): number {
  let id = ids.get(name);
  if (id === undefined) {
    const key = name.toUpperCase().replace(/^(R\d+)B$/, "$1L");
    id = iced.Register[key as keyof typeof Iced.Register];
    ids.set(name, id);
  }
  return id;
}

/** The 32-bit or 64-bit register that holds a 16-bit one. */
export function widen(name: string, to: "r32" | "r64"): string {
  const numbered = /^(r\d+)w$/.exec(name);
  if (numbered !== null) return to === "r32" ? `${numbered[1]}d` : numbered[1]!;
  return `${to === "r32" ? "e" : "r"}${name}`;
}
