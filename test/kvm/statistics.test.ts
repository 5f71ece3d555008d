/** Binary statistics: decoded from a file that C lays out, and read from KVM. */
import { describe, expect, test } from "vitest";
import { decodeStatistics } from "../../src/kvm/calls/statistics.ts";
import { noCompiler, runC } from "./c-program.ts";
import { counting } from "./images.ts";
import { boot } from "../../src/kvm/index.ts";
import { describeKvm } from "./require-kvm.ts";
import { resources } from "./resources.ts";

/** A file with a name of 16 bytes, descriptors that lie apart from the header, and five statistics. */
const source = `
  #include <stdio.h>
  #include <stdlib.h>
  #include <string.h>
  #include <linux/kvm.h>
  static unsigned char file[1024];
  static void describe(int index, const char *name, unsigned flags, short exponent, unsigned short size,
                       unsigned offset, unsigned bucket) {
    struct kvm_stats_desc *desc = (void *)(file + 64 + index * (sizeof *desc + 16));
    desc->flags = flags;
    desc->exponent = exponent;
    desc->size = size;
    desc->offset = offset;
    desc->bucket_size = bucket;
    strcpy(desc->name, name);
  }
  int main(void) {
    struct kvm_stats_header header = { .name_size = 16, .num_desc = 5, .id_offset = 24, .desc_offset = 64, .data_offset = 512 };
    memcpy(file, &header, sizeof header);
    describe(0, "exits", KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_NONE, 0, 1, 8, 0);
    describe(1, "wait", KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_SECONDS | KVM_STATS_BASE_POW10, -9, 1, 0, 0);
    describe(2, "peak", KVM_STATS_TYPE_PEAK | KVM_STATS_UNIT_BYTES | KVM_STATS_BASE_POW2, 20, 1, 16, 0);
    describe(3, "ranges", KVM_STATS_TYPE_LINEAR_HIST | KVM_STATS_UNIT_CYCLES, 0, 3, 24, 7);
    describe(4, "later", 9, 0, 1, 48, 0);
    unsigned long long data[] = { 11, 22, 33, 44, 55, 66, 77 };
    memcpy(file + 512, data, sizeof data);
    return fwrite(file, sizeof file, 1, stdout) != 1;
  }`;

describe.skipIf(noCompiler !== undefined)("a file of statistics", () => {
  test("is read by what it says of itself", () => {
    const file = runC(source);
    const statistics = decodeStatistics((at, size) => {
      const bytes = new Uint8Array(file.subarray(at, at + size));
      return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, size) };
    });
    const plain = { unit: "none", base: 10, exponent: 0, bucketSize: 0 };
    expect(Object.fromEntries(statistics)).toEqual({
      exits: { ...plain, type: "cumulative", values: [22n] },
      wait: { ...plain, type: "instant", unit: "seconds", exponent: -9, values: [11n] },
      peak: { ...plain, type: "peak", unit: "bytes", base: 2, exponent: 20, values: [33n] },
      ranges: { ...plain, type: "linear-histogram", unit: "cycles", bucketSize: 7, values: [44n, 55n, 66n] },
    });
  });
});

describeKvm("the statistics of a machine", () => {
  test("count what it did, and leave nothing open", async () => {
    using machine = await boot(counting);
    const { vm, vcpu } = machine;
    const { descriptors } = resources();
    const exits = (): bigint => vcpu.getStatistics().get("exits")!.values[0]!;
    const first = exits();
    expect([...machine.run({ maxExits: 10 })]).toHaveLength(11);
    expect(exits() - first).toBeGreaterThanOrEqual(10n);
    expect(vcpu.getStatistics().get("halt_poll_success_hist")).toMatchObject({
      type: "logarithmic-histogram",
      unit: "seconds",
      exponent: -9,
    });
    expect(vcpu.getStatistics().get("halt_poll_success_hist")!.values).toHaveLength(32);
    expect(vm.getStatistics().get("pages_4k")).toMatchObject({ type: "instant", unit: "none" });
    expect(resources().descriptors).toBe(descriptors);
    vm.close();
    expect(() => vm.getStatistics()).toThrow(/^the VM is closed/);
  });
});
