/** The tables as the machine's own walker sees them: `KVM_TRANSLATE` on random maps that are not identity. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Kvm } from "../../src/kvm/index.ts";
import { addressSpaceOf, buildPageTables, walk, type Mapping, type PagingDescription } from "../../src/paging/index.ts";
import { longModeCpu } from "./images.ts";
import { describeKvm } from "./require-kvm.ts";
import { descriptions } from "../paging/random.ts";

const ram = 64n << 20n;

/** What every CPU can walk: physical addresses of 36 bits, no pages of 1 GiB. */
function plain({ mappings, ...rest }: PagingDescription): PagingDescription {
  return {
    ...rest,
    largest: "2MiB",
    mappings: mappings.map((each): Mapping => {
      const { pageSize, ...others } = { ...each, phys: each.phys & 0xf_ffff_ffffn, size: each.size & 0x3ff_ffffn };
      const size = others.size === 0n ? 0x20_0000n : others.size;
      return { ...others, size, ...(pageSize === undefined || pageSize === "1GiB" ? {} : { pageSize }) };
    }),
  };
}

describeKvm("KVM_TRANSLATE", () => {
  test("agrees with walk on random 4-level maps", async () => {
    using kvm = await Kvm.open();
    using vm = kvm.createVm();
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memorySize: ram });
    const vcpu = vm.createVcpu(0);
    vcpu.setCpuid2(kvm.getSupportedCpuid());
    const { apicBase, interruptBitmap } = vcpu.getSregs();
    const seen = { mapped: 0, unmapped: 0 };
    fc.assert(
      fc.property(descriptions("4-level"), fc.array(fc.bigInt(0n, 0xffff_ffffn)), (description, others) => {
        const tables = buildPageTables({ ...plain(description), tables: (description.tables as bigint) % 0x80_0000n });
        vm.writeMemory(tables.at, tables.bytes);
        const cpu = { ...longModeCpu, cr3: tables.root, efer: longModeCpu.efer | 0x800n };
        vcpu.setSregs({ ...cpu, apicBase, interruptBitmap });
        const space = addressSpaceOf(tables, cpu);
        const edges = tables.mappings.flatMap(({ virt, size }) => [virt - 1n, virt, virt + size - 1n, virt + size]);
        for (const address of [...edges, ...others]) {
          if (address < 0n || address >> 64n !== 0n) continue;
          const { page, fault } = walk(space, address);
          if (fault?.reason === "non-canonical") continue;
          const { valid, physicalAddress } = vcpu.translate(address);
          expect({ address, valid, at: valid ? physicalAddress : undefined }).toEqual({
            address,
            valid: page !== undefined,
            at: page?.phys,
          });
          seen[page === undefined ? "unmapped" : "mapped"]++;
        }
      }),
      { numRuns: 200 },
    );
    expect(seen.mapped).toBeGreaterThan(200);
    expect(seen.unmapped).toBeGreaterThan(200);
  });
});
