/** The binary statistics of a VM or a vCPU (api.rst, 4.133), decoded. */
import { statisticBases, statisticMasks, statisticTypes, statisticUnits } from "../abi/constants.ts";
import { newStruct, readNumber, type StructBytes } from "../abi/fields.ts";
import { kvmStatsDesc, kvmStatsHeader } from "../abi/wiring-structs.ts";
import { Descriptor } from "../host/descriptor.ts";
import { callFailed } from "../host/host-error.ts";

/** What a statistic tells: all that ever was, what is now, the most that ever was, or how often values were in which range. */
export type StatisticType = "cumulative" | "instant" | "peak" | "linear-histogram" | "logarithmic-histogram";

/** What a statistic counts; `"none"` for plain numbers. */
export type StatisticUnit = "none" | "bytes" | "seconds" | "cycles" | "boolean";

/** One statistic of KVM's. */
export interface Statistic {
  readonly type: StatisticType;
  readonly unit: StatisticUnit;
  /** A value is in units of `base` to the power of `exponent`: 10 and -9 with seconds are nanoseconds. */
  readonly base: 10 | 2;
  readonly exponent: number;
  /** How wide each range of a linear histogram is; 0 for other types. */
  readonly bucketSize: number;
  /** One number; for a histogram, one for each range. */
  readonly values: readonly bigint[];
}

const types: Readonly<Record<number, StatisticType>> = {
  [statisticTypes.KVM_STATS_TYPE_CUMULATIVE]: "cumulative",
  [statisticTypes.KVM_STATS_TYPE_INSTANT]: "instant",
  [statisticTypes.KVM_STATS_TYPE_PEAK]: "peak",
  [statisticTypes.KVM_STATS_TYPE_LINEAR_HIST]: "linear-histogram",
  [statisticTypes.KVM_STATS_TYPE_LOG_HIST]: "logarithmic-histogram",
};

const units: Readonly<Record<number, StatisticUnit>> = {
  [statisticUnits.KVM_STATS_UNIT_NONE]: "none",
  [statisticUnits.KVM_STATS_UNIT_BYTES]: "bytes",
  [statisticUnits.KVM_STATS_UNIT_SECONDS]: "seconds",
  [statisticUnits.KVM_STATS_UNIT_CYCLES]: "cycles",
  [statisticUnits.KVM_STATS_UNIT_BOOLEAN]: "boolean",
};

/** Reads all statistics of a VM or vCPU by name. Those of a kind that came after Linux 6.18 are left out. */
export function readStatistics(owner: Descriptor): ReadonlyMap<string, Statistic> {
  const file = new Descriptor(owner.libc, owner.ioctl("KVM_GET_STATS_FD"), "the statistics");
  try {
    return decodeStatistics((at, size) => readAll(file, at, size));
  } finally {
    // It keeps the VM alive: it must not stay open.
    file.close();
  }
}

/** The statistics of a file. @param read reads `size` bytes from `at` on */
export function decodeStatistics(read: (at: number, size: number) => StructBytes): ReadonlyMap<string, Statistic> {
  const header = read(0, kvmStatsHeader.size).view;
  const { fields } = kvmStatsHeader;
  const nameSize = readNumber(header, fields.name_size);
  const stride = kvmStatsDesc.size + nameSize;
  const { bytes, view } = read(readNumber(header, fields.desc_offset), stride * readNumber(header, fields.num_desc));
  const starts = Array.from({ length: bytes.length / stride }, (_, index) => index * stride);
  const sizeOf = (start: number): number => 8 * readNumber(view, kvmStatsDesc.fields.size, start);
  const endOf = (start: number): number => readNumber(view, kvmStatsDesc.fields.offset, start) + sizeOf(start);
  const data = read(readNumber(header, fields.data_offset), Math.max(0, ...starts.map(endOf))).view;
  return new Map(
    starts.flatMap((start) => {
      const name = nameAt(bytes, start + kvmStatsDesc.size, nameSize);
      const values = valuesAt(data, readNumber(view, kvmStatsDesc.fields.offset, start), sizeOf(start));
      const statistic = describe(view, start, values);
      return statistic === undefined ? [] : [[name, statistic] as const];
    }),
  );
}

function describe(view: DataView, start: number, values: readonly bigint[]): Statistic | undefined {
  const { fields } = kvmStatsDesc;
  const flags = readNumber(view, fields.flags, start);
  const type = types[flags & statisticMasks.KVM_STATS_TYPE_MASK];
  const unit = units[flags & statisticMasks.KVM_STATS_UNIT_MASK];
  if (type === undefined || unit === undefined) return undefined;
  const base = (flags & statisticMasks.KVM_STATS_BASE_MASK) === statisticBases.KVM_STATS_BASE_POW2 ? 2 : 10;
  const exponent = view.getInt16(start + fields.exponent[0], true);
  return { type, unit, base, exponent, bucketSize: readNumber(view, fields.bucket_size, start), values };
}

const nameAt = (bytes: Uint8Array, at: number, size: number): string =>
  Buffer.from(bytes.subarray(at, at + size))
    .toString("latin1")
    .replace(/\0.*$/s, "");

const valuesAt = (data: DataView, at: number, size: number): readonly bigint[] =>
  Array.from({ length: size / 8 }, (_, index) => data.getBigUint64(at + 8 * index, true));

function readAll({ libc, fd }: Descriptor, at: number, size: number): StructBytes {
  const struct = newStruct(size);
  if (libc.pread(fd, struct.bytes, size, at) !== size) throw callFailed("pread of the statistics", libc.errno());
  return struct;
}
