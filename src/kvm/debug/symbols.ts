/** From the names of an image's programs and labels to linear addresses. Pure. */
import type { VirtAddr } from "../../core/address.ts";
import { show } from "../../core/show.ts";
import type { CpuState } from "../../layout/cpu-state.ts";
import type { ImageProgram } from "../../layout/image.ts";
import { badArgument } from "../kvm-error.ts";
import { codeBits } from "../machine/location.ts";

/** What symbols are looked up in. */
export interface SymbolSource {
  readonly programs: readonly ImageProgram[];
  /** The CPU at the guest's first instruction. */
  readonly cpu: CpuState;
}

/**
 * The linear address of a symbol: a program's name for its first byte, `program.label`, or a label that one program alone has;
 * of the first two also the whole path, `place.program.label`.
 * Throws {@link KvmError} `BAD_ARGUMENT` for one that is not there, and for one that is there twice.
 */
export function symbolAddress({ programs, cpu }: SymbolSource, symbol: string): VirtAddr {
  const found = programs.flatMap((program) => addressesOf(program, symbol, cpu));
  const [first, ...others] = found;
  if (first === undefined) {
    throw badArgument(`no program or label is named ${show(symbol)}`, symbol, `there is ${namesOf(programs)}`);
  }
  if (others.every(({ address }) => address === first.address)) return first.address;
  throw badArgument(
    `${show(symbol)} has several places`,
    symbol,
    `name one of them: ${found.map(({ name }) => name).join(", ")}`,
  );
}

interface Found {
  readonly name: string;
  readonly address: VirtAddr;
}

function addressesOf(program: ImageProgram, symbol: string, cpu: CpuState): readonly Found[] {
  const base = baseOf(program, cpu);
  // The path of the description, `place.guest.label`, or that without its beginning.
  const written = symbol.startsWith("place.") ? [symbol, symbol.slice("place.".length)] : [symbol];
  const labels = Object.entries(program.labels)
    .filter(([label]) => label === symbol || written.includes(`${program.name}.${label}`))
    .map(([label, address]) => ({ name: `${program.name}.${label}`, address: base + address }));
  return written.includes(program.name) ? [{ name: program.name, address: base + program.origin }, ...labels] : labels;
}

/** Code of the size that the guest starts in is reached by the CS that it starts with; other code is reached by a flat one. */
function baseOf({ mode }: ImageProgram, cpu: CpuState): bigint {
  return mode !== 64 && mode === codeBits(cpu) ? cpu.segments.cs.base : 0n;
}

/** As many names as a message has room for. */
const MAX_NAMES = 12;

function namesOf(programs: readonly ImageProgram[]): string {
  const names = programs.flatMap(({ name, labels }) => [
    name,
    ...Object.keys(labels).map((label) => `${name}.${label}`),
  ]);
  if (names.length === 0) return "none: the image has no programs";
  const more = names.length - MAX_NAMES;
  return more > 0 ? `${names.slice(0, MAX_NAMES).join(", ")} and ${more} more` : names.join(", ");
}
