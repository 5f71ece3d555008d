/** A fenced block of TypeScript in a document, and what the document says that it prints. */
export interface Fence {
  /** The line of the document on which the code begins, from 1. */
  readonly line: number;
  readonly code: string;
  /** The `text` fence that follows before the next heading or fence: the program's output. */
  readonly output: string | undefined;
}

/** What a fence's program did. */
export interface FenceRun {
  readonly file: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly thrown?: string | undefined;
}

/** The `ts` fences of a Markdown document. */
export function typeScriptFences(markdown: string): Fence[] {
  const fences: { line: number; code: string; output: string | undefined }[] = [];
  let open: { language: string; line: number; lines: string[] } | undefined;
  let beforeOutput = false;
  for (const [index, line] of markdown.split("\n").entries()) {
    const language = /^```(.*)$/.exec(line)?.[1]?.trim();
    if (open === undefined && language !== undefined) open = { language, line: index + 2, lines: [] };
    else if (open === undefined && line.startsWith("#")) beforeOutput = false;
    else if (open !== undefined && language === undefined) open.lines.push(line);
    else if (open !== undefined) {
      const text = open.lines.map((each) => `${each}\n`).join("");
      if (open.language === "ts") fences.push({ line: open.line, code: text, output: undefined });
      else if (open.language === "text" && beforeOutput) fences.at(-1)!.output = text;
      beforeOutput = open.language === "ts";
      open = undefined;
    }
  }
  return fences;
}
