/** Labels and addresses of an image, both ways. */
import type { PhysAddr, VirtAddr } from "../../core/address.ts";
import { codeAtAddress, type CodePlace } from "../../core/code-place.ts";
import type { Image, ImageProgram } from "../image.ts";
import { LayoutError } from "../layout-error.ts";

/** A label of an image. */
export interface ImageSymbol {
  readonly program: string;
  readonly label: string;
  /** As the program's code sees it. */
  readonly address: VirtAddr;
  /** `undefined` for a label that stands for a number and lies nowhere in its program. */
  readonly physical: PhysAddr | undefined;
}

/** The labels of an image, program by program, in the order in which the code has them. */
export function imageSymbols({ programs }: Pick<Image, "programs">): readonly ImageSymbol[] {
  return programs.flatMap((program) =>
    Object.entries(program.labels).map(([label, address]) => ({
      program: program.name,
      label,
      address,
      physical: physicalOf(program, address),
    })),
  );
}

/** The physical address of a label. A label may lie right behind the last byte, unless another part begins there. */
function physicalOf(program: ImageProgram, address: VirtAddr): PhysAddr | undefined {
  const parts = [program, ...program.sections];
  const reach = (beyond: bigint) =>
    parts.find(({ origin, size }) => address >= origin && address < origin + BigInt(size) + beyond);
  const part = reach(0n) ?? reach(1n);
  return part && part.phys + (address - part.origin);
}

/**
 * What of the programs lies at an address as their code sees it: the label at or before it, the distance, the statement,
 * and where it was written. `undefined` where no program lies. Of several programs there, the first.
 *
 * @example
 * ```ts
 * symbolAt(image, 0x1012n); // { program: "guest", label: "next", offset: 6n, text: "hlt", source: … }
 * ```
 */
export function symbolAt(image: Pick<Image, "programs">, address: VirtAddr): CodePlace | undefined {
  return codeAtAddress(image.programs, address);
}

/**
 * The address of a label, as the program's code sees it, or the value of another name of the description.
 *
 * @param name `program.label`, `program` for its first byte, or a name that guest code uses, such as `gdt` or `memory.ram.end`
 * @throws LayoutError `UNKNOWN_NAME`
 * @example
 * ```ts
 * addressOf(image, "guest.msg"); // 0x1018n
 * ```
 */
export function addressOf(image: Pick<Image, "programs" | "symbols">, name: string): VirtAddr {
  for (const program of image.programs) {
    if (name === program.name) return program.origin;
    const label = name.slice(program.name.length + 1);
    const isIn = name.startsWith(`${program.name}.`) && Object.hasOwn(program.labels, label);
    if (isIn) return program.labels[label]!;
  }
  if (Object.hasOwn(image.symbols, name)) return image.symbols[name]!;
  throw new LayoutError(`no label is named ${JSON.stringify(name)}`, {
    code: "UNKNOWN_NAME",
    value: name,
    hint: `a name is program.label; there is ${namesOf(image) || "none"}`,
  });
}

/** The most names that a hint lists. */
const mostNames = 20;

function namesOf(image: Pick<Image, "programs">): string {
  const names = imageSymbols(image).map(({ program, label }) => `${program}.${label}`);
  return names.length > mostNames ? `${names.slice(0, mostNames).join(", ")}, …` : names.join(", ");
}
