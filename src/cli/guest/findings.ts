/** Everything that can be found about an image without running it. */
import {
  checkExport,
  entryViolations,
  imageAddressSpace,
  imageFormats,
  type ExportFinding,
  type ExportTarget,
  type Image,
  type ImageFormatName,
} from "../../layout/index.ts";
import { lint } from "../../paging/index.ts";
import type { Paint } from "../output/terminal.ts";

/** Something about an image. */
export interface Finding {
  /** An error where the guest cannot work, a warning where it may. */
  readonly severity: "error" | "warning";
  /** Stable between releases. */
  readonly code: string;
  readonly message: string;
  /** How to mend it. */
  readonly hint?: string;
}

/** How bad it is what speaks against a file. */
const severities: Readonly<Record<ExportFinding["kind"], Finding["severity"]>> = {
  impossible: "error",
  refused: "error",
  differs: "warning",
};

/**
 * What speaks against starting an image from a file: `EXPORT_IMPOSSIBLE`, `EXPORT_REFUSED`, `EXPORT_DIFFERS`. Without a target,
 * what holds for all of them, and as warnings why some that take such files refuse this one.
 */
export function exportFindings(
  image: Image,
  format: ImageFormatName,
  target: ExportTarget | undefined,
): readonly Finding[] {
  return checkExport(image, format, target)
    .filter((finding) => target !== undefined || finding.target === undefined || isRefusal(finding, format))
    .map(({ kind, message, hint, target: who }) => ({
      severity: target === undefined && who !== undefined ? "warning" : severities[kind],
      code: `EXPORT_${kind.toUpperCase()}`,
      message: `${who ?? target ?? format}: ${message}`,
      ...(hint === undefined ? {} : { hint }),
    }));
}

/** The machine monitors that would start this image from such a file, with how they are given it. */
export function startersOf(image: Image, format: ImageFormatName): readonly { target: ExportTarget; start: string }[] {
  const findings = checkExport(image, format);
  return (Object.keys(imageFormats[format].targets) as ExportTarget[]).flatMap((target) => {
    const how = imageFormats[format].targets[target];
    const isRefused = findings.some((finding) => finding.kind === "refused" && finding.target === target);
    return "refuses" in how || isRefused ? [] : [{ target, start: how.start }];
  });
}

/** Whether a machine monitor that takes files of the format refuses this one. */
function isRefusal({ kind, target }: ExportFinding, format: ImageFormatName): boolean {
  return kind === "refused" && target !== undefined && !("refuses" in imageFormats[format].targets[target]);
}

/** What is found about an image itself. */
export function findingsOf(image: Image): readonly Finding[] {
  // What the layout warns of is not told again in the lint's words.
  const warned: ReadonlySet<string> = new Set(image.warnings.map(({ code }) => code));
  const lints = lint(imageAddressSpace(image)).filter(
    ({ severity, code }) => severity === "error" || !warned.has(code),
  );
  const found: readonly Finding[] = [
    ...entryViolations(image.cpu).map(({ message }) => ({ severity: "error", code: "ENTRY_STATE", message }) as const),
    ...lints.map(({ severity, code, message }) => ({ severity, code, message })),
    ...image.warnings.map(({ code, message }) => ({ severity: "warning", code, message }) as const),
  ];
  return found;
}

/** A finding as a person reads it: a line, and a hint below it. */
export function findingToText({ severity, code, message, hint }: Finding, paint: Paint): string {
  const title = paint(severity === "error" ? "red" : "yellow", `${severity} ${code}`);
  return `${title}: ${message}\n${hint === undefined ? "" : `  hint: ${hint}\n`}`;
}
