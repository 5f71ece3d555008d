/** Why the system does not read or write a file, in words. */

const failures: Readonly<Record<string, string>> = {
  EACCES: "this user may not",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is no folder",
  ENAMETOOLONG: "its name is too long",
  ELOOP: "its symbolic links lead in a circle",
  ENOSPC: "no space is left",
  EDQUOT: "the user's share of the disk is used up",
  EROFS: "it lies where nothing can be written",
  EIO: "the device fails",
  ERR_FS_FILE_TOO_LARGE: "it is larger than 2 GiB",
};

/** A failure of reading, in words; the system's own name of it where there are none. */
export function readFailure(error: unknown): string {
  return codeOf(error) === "ENOENT" ? "there is no such file" : inWords(error);
}

/** A failure of writing, in words. */
export function writeFailure(error: unknown): string {
  return codeOf(error) === "ENOENT" ? "there is no such folder" : inWords(error);
}

function inWords(error: unknown): string {
  const code = codeOf(error);
  return failures[code] ?? code;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
