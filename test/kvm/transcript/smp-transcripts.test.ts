/** What each of several vCPUs did, as data: the same in every run where they do not race. */
import { expect, test } from "vitest";
import {
  bootSmp,
  exitDevice,
  recordSmp,
  transcribeSmp,
  transcriptFromJson,
  transcriptToJson,
  transcriptToText,
  type Transcript,
} from "../../../src/kvm/index.ts";
import { describeKvm } from "../require-kvm.ts";
import { halt, smpImage, spin } from "../smp/guests.ts";

/** Reads a count, writes so many bytes from it on. */
const talk = (port: number): string =>
  `xor ecx, ecx; in al, ${port}; mov cl, al; each: out ${port + 1}, al; inc al; loop each; ${halt}`;

/** Answers by vCPU. */
const answer = (exit: { readonly kind: string }, vcpu: number): void => {
  if ("data" in exit && exit.data instanceof Uint8Array) exit.data.fill(3 + vcpu);
};

const linesOf = (transcripts: readonly Transcript[]): string[] =>
  transcripts.map((each) => transcriptToText(each).replaceAll(/ {2,}/g, " "));

describeKvm("transcripts of several vCPUs", () => {
  test("are the same in every run, whoever comes first", async () => {
    const image = await smpImage(3, talk(0x50), talk(0x58));
    const transcribe = async (): Promise<readonly Transcript[]> => {
      using machine = await bootSmp(image, { vcpus: 4 });
      return await transcribeSmp(machine, { timeout: "10s", answer });
    };
    const first = await transcribe();
    for (let round = 0; round < 4; round++) expect(await transcribe()).toEqual(first);
    const bytes = first.map(({ exits }) =>
      exits.map((exit) => ("data" in exit ? [...(exit.data as Uint8Array)] : exit.kind)),
    );
    expect(bytes).toEqual([
      [[3], [3, 4, 5], "hlt"],
      [[4], [4, 5, 6, 7], "hlt"],
      [[5], [5, 6, 7, 8, 9], "hlt"],
      // Nobody starts it.
      [],
    ]);
    expect(first.map(({ end }) => end?.registers.rax)).toEqual(
      [6n, 8n, 10n, undefined].map((al) => al && expect.toSatisfy((rax: bigint) => (rax & 0xffn) === al)),
    );
    for (const transcript of first) expect(transcriptFromJson(transcriptToJson(transcript))).toEqual(transcript);
    expect(linesOf(first)[1]).toContain("hlt");
  });

  test("hold what devices handled and how they ended the run; then no vCPU has an end", async () => {
    using machine = await bootSmp(await smpImage(2, spin, "mov al, 5; out 0xf4, al"), { vcpus: 2 });
    expect(await transcribeSmp(machine, { timeout: "10s", devices: [exitDevice()] })).toEqual([
      { exits: [], end: undefined },
      {
        exits: [
          { kind: "io-out", port: 0xf4, size: 1, data: Uint8Array.of(5) },
          { kind: "guest-exit", device: "exit device", code: 5 },
        ],
        end: undefined,
      },
    ]);
  });

  test("grow from run to run, and say of each started vCPU what ended them all", async () => {
    using machine = await bootSmp(await smpImage(1, `out 0x10, al; ${spin}`, halt), { vcpus: 2 });
    const recorder = recordSmp(machine);
    for await (const _ of recorder.stream()) break;
    for await (const _ of recorder.stream({ timeout: "20ms" }));
    const [first, second] = recorder.transcripts();
    expect(first!.exits.map(({ kind }) => kind)).toEqual(["io-out", "timeout"]);
    expect([first!.end, second]).toEqual([undefined, { exits: [], end: undefined }]);
  });
});
