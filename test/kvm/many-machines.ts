/** Boots, runs and closes as many machines as its argument says, and counts how they end. */
import { boot } from "guestwright/kvm";
import { realMode } from "./images.ts";

const count = Number(process.argv[2]);
let halts = 0;
for (let i = 0; i < count; i++) {
  using machine = await boot(realMode(0xf4));
  for (const { kind } of machine.run({ timeout: "10s" })) halts += kind === "hlt" ? 1 : 0;
}
console.log(`${count} machines, ${halts} hlt`);
