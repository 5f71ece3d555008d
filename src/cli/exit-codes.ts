/** The exit codes of the program: what a script can tell from them. */

/** What an exit code stands for. */
export type ExitName = "done" | "found" | "usage" | "input" | "host" | "guest" | "bug" | "timeout" | "interrupted";

interface ExitCode {
  readonly code: number;
  readonly meaning: string;
}

/**
 * Every code that the program ends with. 124 is what coreutils' `timeout` ends with, 130 is what a shell says of a program
 * that Ctrl-C ended (128 + SIGINT), 70 is EX_SOFTWARE of sysexits.h.
 */
export const exitCodes: Readonly<Record<ExitName, ExitCode>> = {
  done: { code: 0, meaning: "done; a guest that ran ended with hlt" },
  found: { code: 1, meaning: "something was found: a difference, a lint, a fault" },
  usage: { code: 2, meaning: "the command line is wrong" },
  input: { code: 3, meaning: "the guest cannot be loaded or built, or a file cannot be read or written" },
  host: { code: 4, meaning: "this host cannot run it: no KVM, no permission, a refused call" },
  guest: { code: 5, meaning: "the guest failed: a triple fault, an emulation failure, a refused entry" },
  bug: { code: 70, meaning: "guestwright itself failed" },
  timeout: { code: 124, meaning: "the guest ran out of time, or of exits" },
  interrupted: { code: 130, meaning: "Ctrl-C ended the run" },
};
