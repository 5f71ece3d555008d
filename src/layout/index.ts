/** Describing guests: from one description come the tables, the CPU's state and the image. */
export type { CpuState, DescriptorTableRegister, GeneralRegisters, SegmentName, SegmentState } from "./cpu-state.ts";
export type {
  Consistent,
  CpuDescription,
  GdtDescription,
  GuestDescription,
  MappingDescription,
  MemoryDescription,
  Mistake,
  PagingTablesDescription,
  PlaceDescription,
  SectionDescription,
} from "./description/description.ts";
export type { EntryMode } from "./entry/entry-mode.ts";
export type {
  Chunk,
  Image,
  ImageGdt,
  ImageMapping,
  ImagePaging,
  ImageProgram,
  ImageSection,
  ImageWarning,
  MemoryRegion,
} from "./image.ts";
export { imageToText, type ImageTextOptions } from "./image/image-text.ts";
export { layout, type Layout } from "./layout.ts";
export { LayoutError, type LayoutErrorCode } from "./layout-error.ts";
export * from "./descriptors/index.ts";
