/**
 * The layouts of the structs that wire a VM up with descriptors, and of those in which KVM tells what it did, as data:
 * linux/kvm.h for x86-64. Every field is `[offset, size]`, in bytes. Pure; the tests compare each row with the C compiler's.
 */
import type { StructLayout } from "./structs.ts";

/** `struct kvm_irqfd`: a descriptor whose events are interrupts. */
export const kvmIrqfd = {
  size: 32,
  fields: { fd: [0, 4], gsi: [4, 4], flags: [8, 4], resamplefd: [12, 4] },
} as const;

/** `struct kvm_ioeventfd`: a descriptor that the guest signals by a write. */
export const kvmIoeventfd = {
  size: 64,
  fields: { datamatch: [0, 8], addr: [8, 8], len: [16, 4], fd: [20, 4], flags: [24, 4] },
} as const;

/** `struct kvm_irq_routing`: a header of 8 bytes, then `nr` entries. */
export const kvmIrqRouting = { size: 8, fields: { nr: [0, 4], flags: [4, 4] } } as const;

/** `struct kvm_irq_routing_entry`: where one line leads. What follows offset 16 is a union. */
export const kvmIrqRoutingEntry = {
  size: 48,
  fields: {
    gsi: [0, 4],
    type: [4, 4],
    flags: [8, 4],
    "u.irqchip.irqchip": [16, 4],
    "u.irqchip.pin": [20, 4],
    "u.msi.address_lo": [16, 4],
    "u.msi.address_hi": [20, 4],
    "u.msi.data": [24, 4],
  },
} as const;

/** `struct kvm_reinject_control`: whether ticks of the PIT that the guest missed are made up for. */
export const kvmReinjectControl = { size: 32, fields: { pit_reinject: [0, 1] } } as const;

/** `struct kvm_clear_dirty_log`: pages of a slot, and the address of a bitmap with a bit for each. */
export const kvmClearDirtyLog = {
  size: 24,
  fields: { slot: [0, 4], num_pages: [4, 4], first_page: [8, 8], dirty_bitmap: [16, 8] },
} as const;

/** `struct kvm_dirty_gfn`: one page that the guest wrote to, in a dirty ring. */
export const kvmDirtyGfn = { size: 16, fields: { flags: [0, 4], slot: [4, 4], offset: [8, 8] } } as const;

/** `struct kvm_pmu_event_filter`: a header of 32 bytes, then `nevents` numbers of 64 bits. */
export const kvmPmuEventFilter = {
  size: 32,
  fields: { action: [0, 4], nevents: [4, 4], fixed_counter_bitmap: [8, 4], flags: [12, 4] },
} as const;

/** `struct kvm_device_attr`: an attribute, and the address of its value. */
export const kvmDeviceAttr = {
  size: 24,
  fields: { flags: [0, 4], group: [4, 4], attr: [8, 8], addr: [16, 8] },
} as const;

/** `struct kvm_stats_header`: where the parts of the statistics' file are. */
export const kvmStatsHeader = {
  size: 24,
  fields: {
    flags: [0, 4],
    name_size: [4, 4],
    num_desc: [8, 4],
    id_offset: [12, 4],
    desc_offset: [16, 4],
    data_offset: [20, 4],
  },
} as const;

/** `struct kvm_stats_desc`: a header of 16 bytes, then the name. */
export const kvmStatsDesc = {
  size: 16,
  fields: { flags: [0, 4], exponent: [4, 2], size: [6, 2], offset: [8, 4], bucket_size: [12, 4] },
} as const;

/** Every struct of this file by its C name, for the tests. */
export const wiringLayouts: Readonly<Record<string, StructLayout>> = {
  kvm_irqfd: kvmIrqfd,
  kvm_ioeventfd: kvmIoeventfd,
  kvm_irq_routing: kvmIrqRouting,
  kvm_irq_routing_entry: kvmIrqRoutingEntry,
  kvm_reinject_control: kvmReinjectControl,
  kvm_clear_dirty_log: kvmClearDirtyLog,
  kvm_dirty_gfn: kvmDirtyGfn,
  kvm_pmu_event_filter: kvmPmuEventFilter,
  kvm_device_attr: kvmDeviceAttr,
  kvm_stats_header: kvmStatsHeader,
  kvm_stats_desc: kvmStatsDesc,
};
