/**
 * Runs an example by name; without a name, lists them. Where KVM cannot be used, the example's image is shown instead,
 * with the reason, and the exit code is 1.
 */
import { readdirSync, readFileSync } from "node:fs";
import { imageToText, KvmError, type Image } from "guestwright";

/** What an example module exports. */
interface Example {
  readonly main: () => Promise<void>;
  readonly image?: Image;
}

const folder = new URL(".", import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".ts") && file !== "run.ts")
  .map((file) => file.slice(0, -".ts".length));

const [name] = process.argv.slice(2);
if (name === undefined) list();
else if (!names.includes(name)) {
  console.error(`there is no example ${JSON.stringify(name)}; there are ${names.join(", ")}`);
  process.exitCode = 2;
} else await run((await import(`./${name}.ts`)) as Example);

function list(): void {
  console.log("npm run example -- NAME, where NAME is one of:\n");
  for (const each of names) console.log(`  ${each.padEnd(12)} ${firstSentence(each)}`);
}

function firstSentence(example: string): string {
  const [, comment = ""] = /\/\*\*(.*?)\*\//s.exec(readFileSync(new URL(`${example}.ts`, folder), "utf8")) ?? [];
  return comment.replaceAll(/\s*\n \* ?/g, " ").trim();
}

async function run({ main, image }: Example): Promise<void> {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof KvmError)) throw error;
    if (image !== undefined) console.log(`${imageToText(image, { source: true })}\n`);
    console.error(`the example cannot run here: ${error.message}`);
    process.exitCode = 1;
  }
}
