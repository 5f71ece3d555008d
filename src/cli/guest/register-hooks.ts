import * as nodeModule from "node:module";
import * as hooks from "./module-hooks.ts";

/** Since Node 22.15, hooks run in the thread that imports. */
interface SynchronousHooks {
  registerHooks?(hooks: object): void;
}

/** Lets this thread import guests' modules, and has stacks name the lines of their sources. */
export function registerHooks(): void {
  process.setSourceMapsEnabled(true);
  const { registerHooks: register } = nodeModule as SynchronousHooks;
  if (register === undefined) nodeModule.register(hooks.hooksUrl);
  else register({ resolve: hooks.resolve, load: hooks.load });
}
