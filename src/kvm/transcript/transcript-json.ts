/** Transcripts as JSON text. */
import { show } from "../../core/show.ts";
import { fromTaggedJson, keyPath, TaggedJsonError, toTaggedJson } from "../../core/tagged-json.ts";
import { badArgument, type KvmError } from "../kvm-error.ts";
import { fieldsOfKind, recordedFields, type FieldType } from "./recorded-fields.ts";
import { requireTranscript, type Transcript } from "./transcript.ts";

const format = "guestwright transcript";

/** The version of the text's form. A reader knows its own version only. */
const version = 1;

/**
 * A transcript as JSON, without loss: {@link transcriptFromJson} gives an equal one. The same transcript gives the same
 * text. Numbers that JSON lacks are strings such as `"$bigint:0x1000"`, bytes are base64.
 *
 * @example
 * ```ts
 * await writeFile("run.json", transcriptToJson(transcript));
 * ```
 */
export function transcriptToJson(transcript: Transcript): string {
  requireTranscript("transcriptToJson", transcript);
  return toTaggedJson({ format, version, transcript });
}

/**
 * A transcript from the text of {@link transcriptToJson}. Throws {@link KvmError} `BAD_ARGUMENT`, with the path of what is
 * wrong, for text that is none.
 *
 * @example
 * ```ts
 * replay(machine, transcriptFromJson(await readFile("run.json", "utf8")));
 * ```
 */
export function transcriptFromJson(json: string): Transcript {
  const file = objectOf(read(json), "");
  if (file["format"] !== format) throw bad("format", JSON.stringify(format), file["format"]);
  if (file["version"] !== version) throw bad("version", String(version), file["version"]);
  const transcript = objectOf(file["transcript"], "transcript");
  const { exits, end } = transcript;
  if (!Array.isArray(exits)) throw bad("transcript.exits", "an array", exits);
  for (const [i, exit] of exits.entries()) checkExit(exit, keyPath("transcript.exits", i));
  if (end !== undefined) {
    const { registers: given, where } = objectOf(end, "transcript.end");
    const registers = objectOf(given, "transcript.end.registers");
    check("text or nothing", where, "transcript.end.where");
    for (const [name, value] of Object.entries(registers)) check("bigint", value, `transcript.end.registers.${name}`);
  }
  return transcript as unknown as Transcript;
}

function read(json: string): unknown {
  try {
    return fromTaggedJson(json);
  } catch (error) {
    if (error instanceof TaggedJsonError) throw bad(error.path, error.expected, error.value);
    throw error;
  }
}

function objectOf(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  throw bad(path, "an object", value);
}

function checkExit(value: unknown, path: string): void {
  const exit = objectOf(value, path);
  const { kind } = exit;
  if (typeof kind !== "string" || !Object.hasOwn(recordedFields, kind)) {
    throw bad(`${path}.kind`, "a kind of exit", kind);
  }
  const fields = Object.entries(fieldsOfKind(kind as keyof typeof recordedFields));
  for (const [name, type] of fields) check(type, exit[name], `${path}.${name}`);
}

const isNumber = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

const checks: Readonly<Record<FieldType, { readonly expected: string; readonly holds: (value: unknown) => boolean }>> =
  {
    number: { expected: "a whole number", holds: isNumber },
    bigint: { expected: "a bigint", holds: (value) => typeof value === "bigint" },
    boolean: { expected: "true or false", holds: (value) => typeof value === "boolean" },
    text: { expected: "a string", holds: (value) => typeof value === "string" },
    bytes: { expected: "bytes", holds: (value) => value instanceof Uint8Array },
    bigints: {
      expected: "bigints",
      holds: (value) => Array.isArray(value) && value.every((each) => typeof each === "bigint"),
    },
    "text or nothing": {
      expected: "a string or nothing",
      holds: (value) => value === undefined || typeof value === "string",
    },
    "bytes or nothing": {
      expected: "bytes or nothing",
      holds: (value) => value === undefined || value instanceof Uint8Array,
    },
  };

function check(type: FieldType, value: unknown, path: string): void {
  const { expected, holds } = checks[type];
  if (!holds(value)) throw bad(path, expected, value);
}

function bad(path: string, expected: string, value: unknown): KvmError {
  const got = typeof value === "string" && value.length > 40 ? `${show(value.slice(0, 40))}…` : show(value);
  return badArgument(`${path === "" ? "the text" : path}: expected ${expected}, got ${got}`, value);
}
