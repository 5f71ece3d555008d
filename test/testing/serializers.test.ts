/** Images and transcripts in snapshots. */
import "guestwright/testing/setup";
import { imageToText, layout } from "guestwright";
import { imageSerializer, transcriptSerializer } from "guestwright/testing";
import type { Transcript } from "guestwright/kvm";
import { expect, test } from "vitest";
import { longGuest } from "../layout/descriptions.ts";
import { failure } from "./failure.ts";

const image = await layout(longGuest()).build();

const transcript: Transcript = {
  exits: [
    { kind: "io-out", port: 0xe9, size: 1, data: new TextEncoder().encode("one\ntwo\n") },
    { kind: "rdmsr", index: 0x10, data: 0n, error: true, symbol: "IA32_TIME_STAMP_COUNTER" },
    {
      kind: "internal-error",
      suberror: 1,
      name: "KVM_INTERNAL_ERROR_EMULATION",
      instruction: Uint8Array.of(0x0f, 0x77),
    },
    { kind: "system-event", type: 2, name: undefined, data: [1n, 2n] },
    { kind: "tpr-access", rip: 0x1000n, isWrite: true },
    { kind: "io-out", port: 0x80, size: 4, data: new Uint8Array() },
  ],
  end: undefined,
};

test("a transcript reads as its text", () => {
  expect(transcript).toMatchInlineSnapshot(`
    io-out port 0xe9, 8 bytes
      "one\\n"
      "two\\n"
    rdmsr 0x10 (IA32_TIME_STAMP_COUNTER): 0x0, #GP
    internal-error: suberror 0x1, name KVM_INTERNAL_ERROR_EMULATION, instruction 0f 77
    system-event: type 0x2, data [0x1 0x2]
    tpr-access: rip 0x1000, isWrite true
    io-out port 0x80: nothing
  `);
});

test("an image reads as its text, without source lines unless these are asked for", () => {
  expect(imageSerializer().serialize(image, {}, "")).toBe(imageToText(image));
  expect(imageSerializer({ source: true }).serialize(image, {}, "")).toBe(imageToText(image, { source: true }));
});

test("inside of other values, they are indented", () => {
  expect({ transcript: { ...transcript, exits: transcript.exits.slice(0, 1) } }).toMatchInlineSnapshot(`
    {
      "transcript": io-out port 0xe9, 8 bytes
        "one\\n"
        "two\\n",
    }
  `);
});

test.each([undefined, null, 7, "image", {}, [], { exits: [] }, { exits: 1, end: 2 }, { memory: [], chunks: [] }])(
  "%o is neither",
  (value) => {
    expect(imageSerializer().test(value)).toBe(false);
    expect(transcriptSerializer().test(value)).toBe(false);
  },
);

test("each knows its own", () => {
  expect([imageSerializer().test(image), transcriptSerializer().test(image)]).toEqual([true, false]);
  expect([imageSerializer().test(transcript), transcriptSerializer().test(transcript)]).toEqual([false, true]);
});

test("a layout that is not built fails, and says how to build it", async () => {
  const description = layout(longGuest());
  expect(imageSerializer().test(description)).toBe(true);
  const message =
    "a snapshot takes an image, got a layout that is not built\n  hint: build a layout with: await layout({ ... }).build()";
  expect(() => imageSerializer().serialize(description, {}, "")).toThrow(message);
  expect(await failure(() => expect(description).toMatchInlineSnapshot())).toContain(message);
  expect(await failure(() => expect({ description }).toMatchSnapshot())).toContain(message);
});
