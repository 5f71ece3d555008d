/** What an export takes and gives. */
import type { PhysAddr } from "../../core/address.ts";
import type { Size } from "../../core/units.ts";
import type { Image } from "../image.ts";

/** A file format that images can be written in. */
export type ImageFormatName = "raw" | "boot-sector" | "elf32" | "elf64" | "pvh" | "multiboot" | "intel-hex";

/** A machine monitor that starts files. */
export type ExportTarget = "qemu" | "firecracker" | "cloud-hypervisor";

/** How an image is written. */
export interface ExportOptions {
  /**
   * Whether `pvh` and `multiboot` files may hold an entry stub, code that brings the CPU from the loader's state to the
   * image's: `"auto"`, the default, where the two differ; `"never"` for a guest that wants the loader's registers, such as
   * the pointer in EBX.
   */
  readonly stub?: "auto" | "never";
  /** The physical address of the stub, in bytes: a multiple of 4096, from 1 MiB on. Found where not given. */
  readonly stubAt?: Size;
}

/** Their names. */
export const exportOptionNames: readonly (keyof ExportOptions)[] = ["stub", "stubAt"];

/** A file that holds an image. */
export interface ImageFile {
  readonly format: ImageFormatName;
  /** The usual end of the file's name, without a dot. */
  readonly extension: string;
  readonly bytes: Uint8Array;
  /** Where the loader jumps to; `undefined` where the file does not say it. */
  readonly entry: bigint | undefined;
  /** The code that gives the CPU the image's state, where the file holds it. */
  readonly stub: { readonly at: PhysAddr; readonly size: bigint } | undefined;
  /** The least memory that a machine must have for it, in bytes from physical address 0. */
  readonly memorySize: bigint;
}

/** Something that stands between an image and its start from a file. */
export interface ExportFinding {
  /**
   * - `impossible`: the format cannot hold the image; `imageToFile` throws.
   * - `refused`: the target refuses the file, or has no memory where it lies.
   * - `differs`: it starts, and finds another machine, memory or CPU state than the image says.
   */
  readonly kind: "impossible" | "refused" | "differs";
  /** `undefined` where it holds for every target. */
  readonly target: ExportTarget | undefined;
  readonly message: string;
  /** How to mend it. */
  readonly hint?: string;
}

/** What a format makes of an image. */
type WrittenFile = Pick<ImageFile, "bytes" | "entry" | "stub">;

/** The entry of a format in the table of formats. */
export interface ImageFormat {
  /** The usual end of a file's name, without a dot. */
  readonly extension: string;
  /** What it is, in a few words. */
  readonly summary: string;
  /** How each target is given the file; a reason where it takes none. */
  readonly targets: Readonly<Record<ExportTarget, { readonly start: string } | { readonly refuses: string }>>;
  /** The state in which a loader starts it, in words. */
  readonly entryState: string;
  /** What speaks against it, whatever the target. */
  readonly check: (image: Image, options: ExportOptions) => readonly Omit<ExportFinding, "target">[];
  readonly write: (image: Image, options: ExportOptions) => WrittenFile | Promise<WrittenFile>;
}
