/** Labels and addresses of an image, both ways. */
import type { PhysAddr, VirtAddr } from "../../core/address.ts";
import { codeAtAddress, type CodePlace } from "../../core/code-place.ts";
import type { Image, ImageProgram } from "../image.ts";
import { stubsProgram } from "../tables/stubs.ts";

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

/** What the names of a program's labels begin with in guest code. */
export function programPath(name: string): string {
  return name === stubsProgram.name ? stubsProgram.path : `place.${name}`;
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
