/** What an author's module waits for may never come: then the process would end without a word. */
import { CliError } from "../cli-error.ts";

/**
 * Waits for something of the author's module. Throws {@link CliError} `MODULE_FAILED` with `message` when nothing is left in
 * the process that could bring it about: no timer, no open file, no connection.
 */
export async function unlessIdle<T>(message: string, hint: string, action: () => Promise<T>): Promise<T> {
  let onIdle = (): void => undefined;
  const idle = new Promise<never>((_, reject) => {
    onIdle = () => reject(new CliError(message, { code: "MODULE_FAILED", hint }));
  });
  process.once("beforeExit", onIdle);
  try {
    return await Promise.race([action(), idle]);
  } finally {
    process.off("beforeExit", onIdle);
  }
}
