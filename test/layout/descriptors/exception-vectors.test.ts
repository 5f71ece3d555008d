/** Exceptions: SDM vol. 3A, table 6-1; AMD APM vol. 2, 8.2. */
import { exceptionName, exceptionVectors, pushesErrorCode } from "guestwright/layout";
import { expect, test } from "vitest";
import { macrosOf, noCompiler, runC } from "../../kvm/c-program.ts";

test.skipIf(noCompiler !== undefined)("the kernel's header gives the same numbers", () => {
  const macros = macrosOf("linux/kvm.h", /^[A-Z]{2}_VECTOR$/);
  expect(macros.length).toBeGreaterThanOrEqual(16);
  const printed = runC(`#include <linux/kvm.h>\n#include <stdio.h>
    int main(void) { printf("${macros.map(() => "%d").join(" ")}", ${macros.join(", ")}); return 0; }`);
  const numbers = printed.toString().split(" ").map(Number);
  macros.forEach((macro, i) => expect(exceptionName(numbers[i]!), macro).toBe(`#${macro.slice(0, 2)}`));
});

test("AMD's own exceptions, and the NMI", () => {
  expect(["NMI", "#HV", "#VC", "#SX"].map((name) => exceptionVectors[name as "NMI"].vector)).toEqual([2, 28, 29, 30]);
});

test("these push an error code, and no others", () => {
  const vectors = Array.from({ length: 256 }, (_, vector) => vector);
  expect(vectors.filter(pushesErrorCode)).toEqual([8, 10, 11, 12, 13, 14, 17, 21, 29, 30]);
});

test("the other vectors have no name", () => {
  const named = Array.from({ length: 256 }, (_, vector) => vector).filter((each) => exceptionName(each) !== undefined);
  const reserved = [9, 15, 22, 23, 24, 25, 26, 27];
  expect(named).toEqual(Array.from({ length: 31 }, (_, vector) => vector).filter((each) => !reserved.includes(each)));
});

test("what each does to the instruction", () => {
  const classOf = (name: keyof typeof exceptionVectors): string => exceptionVectors[name].class;
  const names = Object.keys(exceptionVectors) as (keyof typeof exceptionVectors)[];
  expect(names.filter((name) => classOf(name) === "trap")).toEqual(["#BP", "#OF"]);
  expect(names.filter((name) => classOf(name) === "abort")).toEqual(["#DF", "#MC"]);
  expect(classOf("#DB")).toBe("fault or trap");
  expect(classOf("NMI")).toBe("interrupt");
  expect(names.filter((name) => classOf(name) === "fault")).toHaveLength(17);
});
