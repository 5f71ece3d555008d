import { expect } from "vitest";

/** The message with which an expectation fails. */
export async function failure(expectation: () => void | Promise<void>): Promise<string> {
  try {
    await expectation();
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return (error as Error).message;
  }
  throw new Error("the expectation holds");
}
