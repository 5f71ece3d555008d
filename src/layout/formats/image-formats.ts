/** The file formats that images can be written in: one table, and what goes over it. */
import { hex } from "../../core/hex.ts";
import { show } from "../../core/show.ts";
import type { Image } from "../image.ts";
import { imageToBytes } from "../image/image-bytes.ts";
import { requireImage } from "../image/require-image.ts";
import { LayoutError, requireOptions } from "../layout-error.ts";
import { imageToElf, imageToMultiboot, imageToPvh, requireReach, stubPlanOf } from "./boot-elf.ts";
import { bootSector, checkBootSector, imageToBootSector } from "./boot-sector.ts";
import { entryAddress } from "./entry-address.ts";
import { lowRanges, rangeFindings, regionFindings, targetRanges } from "./findings.ts";
import {
  exportOptionNames,
  type ExportFinding,
  type ExportOptions,
  type ExportTarget,
  type ImageFile,
  type ImageFormat,
  type ImageFormatName,
} from "./image-file.ts";
import { imageToIntelHex } from "./intel-hex.ts";
import { entryDifferences, lowMemoryEnd } from "./stub/entry-difference.ts";

type Findings = readonly Omit<ExportFinding, "target">[];

/** What a function throws as a finding. */
function impossibleWhere(throws: () => unknown): Findings {
  try {
    throws();
    return [];
  } catch (error) {
    if (!(error instanceof LayoutError)) throw error;
    const [message] = error.message.split("\n");
    return [{ kind: "impossible", message: message!, ...(error.hint === undefined ? {} : { hint: error.hint }) }];
  }
}

const protectedEntry = "32-bit protected mode, flat segments, no paging, CR4 = 0, interrupts off";
const noKernel = "it takes kernels only: PVH, ELF64 or bzImage";

/** The state of PVH and Multiboot, where an image starts without a stub. */
function startDifferences(image: Image, options: ExportOptions): Findings {
  if (options.stub !== "never") return [];
  return entryDifferences(image).map((message) => ({ kind: "differs", message }));
}

/** The formats, by name. */
export const imageFormats: Readonly<Record<ImageFormatName, ImageFormat>> = {
  raw: {
    extension: "bin",
    summary: "memory from the first chunk's first byte to the last chunk's last byte",
    targets: {
      qemu: { start: "-device loader,file=…,addr=…,force-raw=on" },
      firecracker: { refuses: noKernel },
      "cloud-hypervisor": { refuses: noKernel },
    },
    entryState: "none: something else must jump there",
    check: (image) => impossibleWhere(() => imageToBytes(image)),
    write: (image) => ({ bytes: imageToBytes(image), entry: undefined, stub: undefined }),
  },
  "boot-sector": {
    extension: "img",
    summary: "the first sector of a disk, 512 bytes at 0x7c00",
    targets: {
      qemu: { start: "-drive format=raw,file=…" },
      firecracker: { refuses: "it has no firmware that starts disks" },
      "cloud-hypervisor": { refuses: "its firmware starts no boot sectors" },
    },
    entryState: "real mode, CS:IP 0000:7c00, DL the drive",
    check: checkBootSector,
    write: (image) => ({ bytes: imageToBootSector(image), entry: bootSector.at, stub: undefined }),
  },
  elf32: {
    extension: "elf",
    summary: "ELF with 32-bit addresses, for debuggers and loaders of one's own",
    targets: {
      qemu: { refuses: "QEMU takes no ELF kernel without a PVH note or a Multiboot header: use pvh or multiboot" },
      firecracker: { refuses: "it takes ELF64 only: use pvh" },
      "cloud-hypervisor": { refuses: "it takes ELF64 with a PVH note only: use pvh" },
    },
    entryState: "the loader's",
    check: (image) => impossibleWhere(() => requireReach(image, 32, entryAddress(image.cpu))),
    write: (image) => imageToElf(image, 32),
  },
  elf64: {
    extension: "elf",
    summary: "ELF with 64-bit addresses, for debuggers and loaders of one's own",
    targets: {
      qemu: { refuses: "QEMU takes no ELF kernel without a PVH note or a Multiboot header: use pvh or multiboot" },
      firecracker: { start: "--kernel-image-path" },
      "cloud-hypervisor": { refuses: "it takes ELF64 with a PVH note only: use pvh" },
    },
    entryState: "Firecracker: 64-bit mode, the first GiB mapped to itself, RSI 0x7000, RSP 0x8ff0",
    check: () => [],
    write: (image) => imageToElf(image, 64),
  },
  pvh: {
    extension: "elf",
    summary: "ELF64 with a PVH note: a kernel for QEMU, Firecracker from 1.12 and Cloud Hypervisor",
    targets: {
      qemu: { start: "-kernel" },
      firecracker: { start: "--kernel-image-path" },
      "cloud-hypervisor": { start: "--kernel" },
    },
    entryState: `${protectedEntry}, EBX the start information`,
    check: (image, options) => [
      ...impossibleWhere(() => stubPlanOf(image, options)),
      ...startDifferences(image, options),
    ],
    write: imageToPvh,
  },
  multiboot: {
    extension: "elf",
    summary: "ELF32 with a Multiboot header: a kernel for QEMU and GRUB",
    targets: {
      qemu: { start: "-kernel" },
      firecracker: { refuses: "it does not know Multiboot: use pvh" },
      "cloud-hypervisor": { refuses: "it does not know Multiboot: use pvh" },
    },
    entryState: `${protectedEntry}, EAX 0x2badb002, EBX the Multiboot information`,
    check: (image, options) => [
      ...impossibleWhere(() => requireReach(image, 32, 0n)),
      ...impossibleWhere(() => stubPlanOf(image, options)),
      ...startDifferences(image, options),
    ],
    write: imageToMultiboot,
  },
  "intel-hex": {
    extension: "hex",
    summary: "addressed bytes as text, below 4 GiB",
    targets: {
      qemu: { start: "-device loader,file=…" },
      firecracker: { refuses: noKernel },
      "cloud-hypervisor": { refuses: noKernel },
    },
    entryState: "none: something else must jump there",
    check: (image) => impossibleWhere(() => imageToIntelHex(image)),
    write: (image) => ({ bytes: imageToIntelHex(image), entry: entryAddress(image.cpu), stub: undefined }),
  },
};

/**
 * Writes an image as a file.
 *
 * `pvh` and `multiboot` loaders start 32-bit code without paging. Where the image starts otherwise, or has something below
 * 1 MiB, the file gets an entry stub: code that puts the low chunks into their places, clears the RAM around them and
 * gives the CPU the image's state. {@link checkExport} says beforehand what speaks against it.
 *
 * @throws LayoutError `NOT_EXPORTABLE` where the format cannot hold the image or no loader could start it, `DOES_NOT_FIT`
 * where a stub finds no room, `BAD_DESCRIPTION` for an option that is none
 * @example
 * ```ts
 * const { bytes, memorySize } = await imageToFile(image, "pvh");
 * await writeFile("guest.elf", bytes); // qemu-system-x86_64 -kernel guest.elf
 * ```
 */
export async function imageToFile(
  image: Image,
  format: ImageFormatName,
  options: ExportOptions = {},
): Promise<ImageFile> {
  requireImage("imageToFile", image);
  requireOptions("imageToFile", exportOptionNames, options);
  const row = formatOf(format);
  const impossible = row.check(image, options).find(({ kind }) => kind === "impossible");
  if (impossible !== undefined) {
    const { message, hint } = impossible;
    throw new LayoutError(`${format}: ${message}`, {
      code: "NOT_EXPORTABLE",
      value: format,
      ...(hint === undefined ? {} : { hint }),
    });
  }
  const { bytes, entry, stub } = await row.write(image, options);
  const ends = [...image.memory, ...(stub === undefined ? [] : [stub])].map(({ at, size }) => at + size);
  const memorySize = ends.reduce((most, end) => (end > most ? end : most), 0n);
  return { format, extension: row.extension, bytes, entry, stub, memorySize };
}

function formatOf(name: ImageFormatName): ImageFormat {
  if (Object.hasOwn(imageFormats, name)) return imageFormats[name];
  throw new LayoutError(`there is no file format ${show(name)}`, {
    code: "UNKNOWN_NAME",
    value: name,
    hint: `there is ${Object.keys(imageFormats).join(", ")}`,
  });
}

/**
 * What speaks against starting an image from a file of a format: what the format cannot hold, what a target refuses and
 * why, and what the guest would find otherwise than the image says. Nothing where it starts as it does on KVM.
 *
 * @param target one of them; all where not given
 * @throws LayoutError `UNKNOWN_NAME` for a format that there is not
 * @example
 * ```ts
 * checkExport(image, "multiboot", "firecracker");
 * // [{ kind: "refused", target: "firecracker", message: "it does not know Multiboot: use pvh" }]
 * ```
 */
export function checkExport(
  image: Image,
  format: ImageFormatName,
  target?: ExportTarget,
  options: ExportOptions = {},
): readonly ExportFinding[] {
  requireImage("checkExport", image);
  requireOptions("checkExport", exportOptionNames, options);
  const row = formatOf(format);
  const targets = target === undefined ? (Object.keys(row.targets) as ExportTarget[]) : [target];
  return [
    ...row.check(image, options).map((finding) => ({ ...finding, target: undefined })),
    ...regionFindings(image),
    ...targets.flatMap((each) => targetFindings(image, format, each)),
  ];
}

function targetFindings(image: Image, format: ImageFormatName, target: ExportTarget): readonly ExportFinding[] {
  const start = imageFormats[format].targets[target];
  if (start === undefined) {
    throw new LayoutError(`there is no target ${show(target)}`, {
      code: "UNKNOWN_NAME",
      value: target,
      hint: `there is ${Object.keys(imageFormats[format].targets).join(", ")}`,
    });
  }
  if ("refuses" in start) return [{ kind: "refused", target, message: start.refuses }];
  const hasStub = format === "pvh" || format === "multiboot";
  return [
    ...rangeFindings(image, target, targetRanges[target]),
    ...(hasStub || format === "boot-sector" ? [] : rangeFindings(image, target, lowRanges[target])),
    ...(format === "elf64" && target === "firecracker" ? plainElfFindings(image, target) : []),
  ];
}

/** Firecracker starts ELF64 files without a PVH note in long mode, on page tables of its own. */
function plainElfFindings(image: Image, target: ExportTarget): readonly ExportFinding[] {
  const entry = entryAddress(image.cpu);
  const findings: ExportFinding[] = [];
  if (entry < lowMemoryEnd) {
    findings.push({ kind: "refused", target, message: `it starts at ${hex(entry)}, below 1 MiB` });
  }
  if (image.mode !== "long64") {
    findings.push({ kind: "refused", target, message: `it starts in ${image.mode}, and Firecracker in 64-bit mode` });
  }
  const message = "Firecracker loads page tables, segments and a stack of its own: use pvh";
  return [...findings, { kind: "differs", target, message }];
}
