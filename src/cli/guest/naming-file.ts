/** Errors that a file causes, told with the file's name. */
import { GuestwrightError } from "../../core/error.ts";
import { CliError, plainMessage } from "../cli-error.ts";

/**
 * Does something with a file's guest. What the library throws meanwhile becomes a {@link CliError} `BAD_FILE` that names the
 * file, unless it is about something else.
 *
 * @param isAboutFile whether an error of the library is the file's; all are unless given
 */
export async function namingFile<T>(
  file: string,
  action: () => Promise<T>,
  isAboutFile: (error: GuestwrightError) => boolean = () => true,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof CliError || !(error instanceof GuestwrightError) || !isAboutFile(error)) throw error;
    throw new CliError(`${file}: ${plainMessage(error)}`, {
      code: "BAD_FILE",
      value: file,
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}
