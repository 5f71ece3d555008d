/** A host application with two copies of the package, which it finds in the folders `one` and `two`. */
import { greetingImage, runaway, textOf, type Api } from "./guest.ts";

const load = async (copy: string) => (await import(new URL(`./${copy}/dist/index.js`, import.meta.url).href)) as Api;
const one = await load("one");
const two = await load("two");

console.log("two copies:", one.boot !== two.boot);
console.log(
  "of its own:",
  await textOf(one, await greetingImage(one, "one")),
  await textOf(two, await greetingImage(two, "two")),
);
console.log(
  "of the other:",
  await textOf(two, await greetingImage(one, "one")),
  await textOf(one, await greetingImage(two, "two")),
);

// Both have a machine at once, on one thread, and both have a deadline to keep.
using first = await one.boot(await greetingImage(one, "1"));
using second = await two.boot(await greetingImage(two, "2"));
const exits = [first.run(), second.run(), first.run(), second.run()].map((run) => run.next().value?.kind);
console.log("at once:", ...exits, await runaway(one), await runaway(two));
