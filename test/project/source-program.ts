/** Tells a test what `scripts/run-source.mjs` leaves true of a program. */
import { assemble, code64 } from "guestwright";

const { listing } = await assemble(code64().nop());
console.log(`listed at ${listing[0]!.source!.file}:${listing[0]!.source!.line}`);
console.log(`made at ${/[^/]+:\d+/.exec(new Error("here").stack!)![0]}`);
console.log(`in the file ${import.meta.url}`);
console.log(`given ${process.argv.slice(2).join(" ")}`);
process.once("SIGINT", () => process.exit(7));
setTimeout(() => process.exit(8), 10_000);
process.kill(process.pid, "SIGINT");
