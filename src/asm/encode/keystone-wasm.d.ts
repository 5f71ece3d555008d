/** keystone-wasm ships types that NodeNext cannot resolve: this is what of it is used. */
declare module "keystone-wasm" {
  /** Instantiates Keystone into `module`, an Emscripten module object. */
  export function loadKeystone(module: object): Promise<void>;
}
