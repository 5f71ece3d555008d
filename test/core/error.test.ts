import { expect, test } from "vitest";
import { GuestwrightError } from "../../src/core/error.ts";

test("an error carries its code, the value, the hint and the cause", () => {
  const cause = new Error("underneath");
  const error = new GuestwrightError("The size is wrong.", { code: "SIZE", value: 3, hint: "Write 4096.", cause });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: "GuestwrightError", code: "SIZE", value: 3, hint: "Write 4096." });
  expect(error.message).toBe("The size is wrong.\n  hint: Write 4096.");
  expect(error.cause).toBe(cause);
});

test("without a hint or a cause there is no trace of them", () => {
  const error = new GuestwrightError("It is closed.", { code: "CLOSED" });
  expect(error.message).toBe("It is closed.");
  expect(error.hint).toBeUndefined();
  expect(Object.hasOwn(error, "cause")).toBe(false);
});

test("a subclass has its own name", () => {
  class ShapeError extends GuestwrightError<"SHAPE"> {}
  expect(String(new ShapeError("Round.", { code: "SHAPE" }))).toBe("ShapeError: Round.");
});
