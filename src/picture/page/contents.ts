/** What a page is made from. */
import type { Finding } from "../../kvm/explain/finding.ts";
import type { Transcript } from "../../kvm/transcript/transcript.ts";
import { imageAddressSpace, type Image } from "../../layout/index.ts";
import { ranges, type AddressRanges, type AddressSpace } from "../../paging/index.ts";
import { Anchors } from "./anchors.ts";

/** An image, with what several sections derive from it. */
export interface PageContents {
  readonly image: Image;
  /** The run to show, where there was one. */
  readonly transcript: Transcript | undefined;
  /** Why the run ended; empty where nothing was found, or looked for. */
  readonly findings: readonly Finding[];
  readonly anchors: Anchors;
  readonly space: AddressSpace;
  /** What the tables map, read back from their bytes. */
  readonly mapped: AddressRanges;
}

/** Derives what sections have in common, once. */
export function pageContents(given: Pick<PageContents, "image" | "transcript" | "findings">): PageContents {
  const { image } = given;
  const space = imageAddressSpace(image);
  return { ...given, anchors: new Anchors(image), space, mapped: ranges(space) };
}
