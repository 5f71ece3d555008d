/** How images and transcripts stand in snapshots. */
import { isTranscript, transcriptToText } from "../kvm/index.ts";
import { imageToText, isImage, type ImageTextOptions } from "../layout/index.ts";

/** What `expect.addSnapshotSerializer` takes, as far as it is needed. */
export interface GuestSerializer {
  readonly test: (value: unknown) => boolean;
  readonly serialize: (value: unknown, config: unknown, indentation: string) => string;
}

/**
 * Images as their text: {@link imageToText}, without source lines unless asked for, so that moving code changes no snapshot.
 *
 * @example
 * ```ts
 * expect.addSnapshotSerializer(imageSerializer());
 * expect(image).toMatchSnapshot();
 * ```
 */
export function imageSerializer(options: ImageTextOptions = {}): GuestSerializer {
  return serializer(isImage, (image) => imageToText(image, options));
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
