/**
 * Imports the entry point that the environment names, on the platform that it names, and prints what changed by it.
 * A program of its own: the test runs it in a process where nothing else was loaded.
 */
const { ENTRY, PLATFORM, ARCH } = process.env;

function globals(): string[] {
  return [
    ...Object.getOwnPropertyNames(globalThis),
    ...process.eventNames().map((name) => `process.on ${String(name)}`),
  ];
}

function sharedObjects(): string[] {
  const report = process.report.getReport() as unknown as { sharedObjects: string[] };
  return report.sharedObjects;
}

/** Who compiled WebAssembly. Node's loader and tsx do, to read the exports of a module: that is not meant. */
const wasmModules: string[] = [];
function noteCaller(): void {
  const frames = new Error("").stack!.split("\n").slice(1);
  const caller = frames.find((frame) => !/import-probe|[( ]node:|\(<anonymous>\)/.test(frame));
  if (caller !== undefined && !caller.includes("/node_modules/tsx/")) wasmModules.push(caller.trim());
}
const { WebAssembly } = globalThis as unknown as { WebAssembly: Record<string, new (...args: unknown[]) => object> };
for (const name of ["compile", "instantiate", "Module"]) {
  WebAssembly[name] = new Proxy(WebAssembly[name]!, {
    apply(original, self, args) {
      noteCaller();
      return Reflect.apply(original as unknown as () => unknown, self, args);
    },
    construct(original, args) {
      noteCaller();
      return Reflect.construct(original, args);
    },
  });
}
const before = { globals: new Set(globals()), sharedObjects: new Set(sharedObjects()) };
Object.defineProperty(process, "platform", { value: PLATFORM });
Object.defineProperty(process, "arch", { value: ARCH });

const names = Object.keys((await import(ENTRY!)) as object);

console.log(
  JSON.stringify({
    names,
    wasmModules,
    globals: globals().filter((name) => !before.globals.has(name)),
    sharedObjects: sharedObjects().filter((name) => !before.sharedObjects.has(name)),
  }),
);
