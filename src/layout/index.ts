/** Describing guests: from one description come the tables, the CPU's state and the image. */
export type { CodePlace } from "../core/code-place.ts";
export type { CpuState, DescriptorTableRegister, GeneralRegisters, SegmentName, SegmentState } from "./cpu-state.ts";
export type {
  CpuDescription,
  GuestDescription,
  MappingDescription,
  MemoryDescription,
  PagingTablesDescription,
  PlaceDescription,
  SectionDescription,
  AliasDescription,
  StackDescription,
  StorageDescription,
  WindowDescription,
} from "./description/description.ts";
export type {
  GdtDescription,
  CallGateDescription,
  IdtDescription,
  InterruptDescription,
  InterruptTaskDescription,
  LdtDescription,
  SegmentDescription,
  StackPointer,
  TablePlacement,
  TaskGateDescription,
  TssDescription,
} from "./description/table-descriptions.ts";
export type { Consistent, Mistake } from "./description/consistent.ts";
export type { SymbolsIn } from "./description/symbol-names.ts";
export { entryViolations, type EntryViolation } from "./entry/entry-rules.ts";
export type { EntryMode } from "./entry/entry-mode.ts";
export type {
  Chunk,
  Image,
  ImageDescriptor,
  ImageE820,
  ImageGdt,
  ImageIdt,
  ImageLdt,
  ImageMapping,
  ImagePaging,
  ImageProgram,
  ImageSection,
  ImageStack,
  ImageTss,
  ImageWarning,
  MemoryRegion,
} from "./image.ts";
export { checkExport, imageFormats, imageToFile } from "./formats/image-formats.ts";
export type {
  ExportFinding,
  ExportOptions,
  ExportTarget,
  ImageFile,
  ImageFormat,
  ImageFormatName,
} from "./formats/image-file.ts";
export { imageFromElf, type ElfImportOptions } from "./formats/import/image-from-elf.ts";
export { imageFromRaw, type RawImportOptions } from "./formats/import/image-from-raw.ts";
export type { ImportOptions } from "./formats/import/import-options.ts";
export { imageAddressSpace } from "./image/address-space.ts";
export {
  imageChangesToText,
  type ImageChange,
  type ImageFieldChange,
  type ImagePart,
} from "./image/diff/image-change.ts";
export { diffImages } from "./image/diff/diff-images.ts";
export { imageToBytes, type ImageBytesOptions } from "./image/image-bytes.ts";
export { imageHash } from "./image/image-hash.ts";
export { imageFromJson, imageToJson } from "./image/image-json.ts";
export { imageToMap } from "./image/image-map.ts";
export { imageToText, type ImageTextOptions } from "./image/image-text.ts";
export {
  provenanceOf,
  provenanceToText,
  type Provenance,
  type ReachingMapping,
  type TableEntryPlace,
} from "./image/provenance.ts";
export { isImage, isLayout } from "./image/require-image.ts";
export { addressOf, findName, imageNames, type ImageName, type ImageNameKind, type NamedValue } from "./image/names.ts";
export { imageSymbols, symbolAt, type ImageSymbol } from "./image/symbols.ts";
export { layout, type Layout } from "./layout.ts";
export { LayoutError, type LayoutErrorCode } from "./layout-error.ts";
export * from "./descriptors/index.ts";
