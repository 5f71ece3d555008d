/** Runs examples as a user runs them. */
import { fromSource, run, type Ended } from "../project/child.ts";

/** `npm run example -- NAME` without npm; `preload` is a module that is loaded first. */
export function runExample(names: readonly string[], preload?: string): Promise<Ended> {
  const first = preload === undefined ? [] : ["--import", `data:text/javascript,${encodeURIComponent(preload)}`];
  return run(process.execPath, [...fromSource, ...first, "examples/run.ts", ...names]);
}
