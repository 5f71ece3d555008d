/** A host application in one file: it runs guests on its main thread and in a worker, which is the same file again. */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import * as guestwright from "guestwright";
import { greetingImage, runaway, textOf } from "./guest.ts";

if (isMainThread) {
  const image = await greetingImage(guestwright, "built on the main thread,");
  const worker = new Worker(new URL(import.meta.url), { workerData: image });
  const answer = new Promise((resolve, reject) => worker.on("message", resolve).on("error", reject));
  console.log("main:", await textOf(guestwright, image), await runaway(guestwright));
  console.log("worker:", await answer);
} else {
  const own = await greetingImage(guestwright, "and in the worker:");
  const image = workerData as guestwright.Image;
  parentPort!.postMessage(
    [await textOf(guestwright, image), await textOf(guestwright, own), await runaway(guestwright)].join(" "),
  );
}
