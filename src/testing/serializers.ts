/** How images and transcripts stand in snapshots. */
import { isTranscript, transcriptToText } from "../kvm/index.ts";
import { imageToText, isImage, isLayout, type Image, type ImageTextOptions, type Layout } from "../layout/index.ts";
import { badArgument, buildHint } from "./testing-error.ts";

/** What `expect.addSnapshotSerializer` takes, as far as it is needed. */
export interface GuestSerializer {
  readonly test: (value: unknown) => boolean;
  readonly serialize: (value: unknown, config: unknown, indentation: string) => string;
}

/**
 * Images as their text: {@link imageToText}, without source lines and without the physical addresses that the layout found,
 * unless asked for: moving code changes no snapshot, and a page more moves nothing in it.
 * A layout that is not built is refused: its snapshot would say nothing of the guest.
 *
 * @example
 * ```ts
 * expect.addSnapshotSerializer(imageSerializer());
 * expect(image).toMatchSnapshot();
 * ```
 */
export function imageSerializer(options: ImageTextOptions = {}): GuestSerializer {
  return serializer(
    (value): value is Image | Layout => isImage(value) || isLayout(value),
    (given) => {
      if (isImage(given)) return imageToText(given, { found: false, ...options });
      throw badArgument("a snapshot takes an image, got a layout that is not built", given, buildHint);
    },
  );
}

/**
 * Transcripts as their text.
 *
 * @example
 * ```ts
 * expect.addSnapshotSerializer(transcriptSerializer());
 * expect(transcribe(machine)).toMatchInlineSnapshot(`hlt`);
 * ```
 */
export function transcriptSerializer(): GuestSerializer {
  return serializer(isTranscript, transcriptToText);
}

function serializer<T>(test: (value: unknown) => value is T, toText: (value: T) => string): GuestSerializer {
  return {
    test,
    serialize: (value, _config, indentation) => toText(value as T).replaceAll(/\n(?!\n|$)/g, `\n${indentation}`),
  };
}
