/**
 * The one place that loads Keystone. Keystone is not trusted: it gets text from a closed printer only, what it returns
 * is read back before anything uses it, and an instance that threw is never used again.
 */
import type { Mode } from "../mode.ts";

/** What the Emscripten module of keystone-wasm offers; its package declares no usable types under NodeNext. */
interface KeystoneModule {
  _ks_open(architecture: number, mode: number, handleAt: number): number;
  _ks_asm(handle: number, textAt: number, address: bigint, bytesAt: number, sizeAt: number, countAt: number): number;
  _ks_free(bytes: number): void;
  _malloc(size: number): number;
  _free(at: number): void;
  readonly HEAPU8: Uint8Array;
  readonly HEAPU32: Uint32Array;
}

/** `KS_ARCH_X86` of keystone.h. */
const architectureX86 = 4;
/** `KS_MODE_16`, `KS_MODE_32` and `KS_MODE_64` of keystone.h. */
const keystoneModes: Readonly<Record<Mode, number>> = { 16: 2, 32: 4, 64: 8 };

const encoder = new TextEncoder();

/** One instance of Keystone. */
export class Keystone {
  readonly #module: KeystoneModule;
  readonly #handles = new Map<Mode, number>();
  /** Room for three 32-bit results: the bytes' address, their count, the number of statements. */
  readonly #results: number;
  #broken = false;

  constructor(module: KeystoneModule) {
    this.#module = module;
    this.#results = module._malloc(12);
  }

  /** Whether a call has thrown: the instance may be poisoned then. */
  get broken(): boolean {
    return this.#broken;
  }

  /**
   * Assembles statements, one a line, as if at address 0.
   *
   * @returns the bytes, or `undefined` where Keystone refuses the text or breaks.
   */
  assemble(mode: Mode, text: string): Uint8Array | undefined {
    if (this.#broken) return undefined;
    const module = this.#module;
    try {
      const source = encoder.encode(`${text}\0`);
      const textAt = module._malloc(source.length);
      module.HEAPU8.set(source, textAt);
      const failed = module._ks_asm(
        this.#handle(mode),
        textAt,
        0n,
        this.#results,
        this.#results + 4,
        this.#results + 8,
      );
      module._free(textAt);
      if (failed !== 0) return undefined;
      const [bytesAt, size] = module.HEAPU32.subarray(this.#results / 4, this.#results / 4 + 2) as unknown as [
        number,
        number,
      ];
      const bytes = module.HEAPU8.slice(bytesAt, bytesAt + size);
      module._ks_free(bytesAt);
      return bytes;
    } catch {
      this.#broken = true;
      return undefined;
    }
  }

  #handle(mode: Mode): number {
    let handle = this.#handles.get(mode);
    if (handle === undefined) {
      const failed = this.#module._ks_open(architectureX86, keystoneModes[mode], this.#results);
      if (failed !== 0) throw new Error(`ks_open: error ${failed}`);
      handle = this.#module.HEAPU32[this.#results / 4]!;
      this.#handles.set(mode, handle);
    }
    return handle;
  }
}

let current: Promise<Keystone> | undefined;

/** An instance that works: the one that is there, or a new one where that broke. First load about 30 ms. */
export async function loadKeystone(): Promise<Keystone> {
  if (current === undefined || (await current).broken) current = instantiate();
  return current;
}

/**
 * Makes an instance of its own. keystone-wasm's loader keeps the first module that resolves and ignores later calls; with
 * a `ready` that resolves to nothing it keeps none, so that each call makes a new one in the object that it was given.
 */
async function instantiate(): Promise<Keystone> {
  const { loadKeystone: load } = (await import("keystone-wasm")) as {
    loadKeystone(module: object): Promise<void>;
  };
  let ready: Promise<unknown> = Promise.resolve();
  const module = Object.defineProperty({ printErr: ignore, print: ignore }, "ready", {
    set(value: Promise<unknown>) {
      ready = value;
    },
    get: () => ready.then(() => undefined),
  });
  await load(module);
  return new Keystone(module as unknown as KeystoneModule);
}

function ignore(): void {}
