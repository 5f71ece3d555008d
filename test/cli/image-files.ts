/** Images as files: what commands read without importing anything. */
import { byte, code64, imageToJson, layout, rax, type Image } from "guestwright";

/** A guest of every section: code, a label, data, mappings with and without memory, a warning. */
export async function longModeImage(access: "rw" | "rwx" = "rwx"): Promise<Image> {
  const guest = code64().movzx(rax, byte(0x4000)).label("end").hlt().label("msg").ascii("Hi!\n");
  return await layout({
    mode: "long64",
    memory: { ram: { at: 0x0, size: "32KiB" } },
    paging: {
      tables: 0x0,
      map: {
        text: { virt: 0x0000, phys: 0x4000, size: "4KiB", access: "rx" },
        data: { virt: 0x1000, phys: 0x5000, size: "12KiB", access },
        hole: { virt: 0x4000, phys: 0x8000, size: "4KiB", access: "rw", backing: "none" },
      },
    },
    place: { guest: { code: guest, in: "text" } },
  }).build();
}

/** The file of {@link longModeImage}. */
export async function longModeFile(access: "rw" | "rwx" = "rwx"): Promise<string> {
  return imageToJson(await longModeImage(access));
}

/** The file of a guest with everything that has a name; CR0.WP is clear, as it is by default. */
export async function namedFile(): Promise<string> {
  const withData = () => code64().hlt().label("msg").ascii("Hi!\n").section("rodata").u64(7);
  const image = await layout({
    mode: "long64",
    memory: { ram: { at: 0x1_0000, size: "64KiB" } },
    paging: {
      tables: 0x1_0000,
      map: {
        text: { virt: 0x40_0000, size: "4KiB", access: "rx" },
        data: { virt: 0x50_0000, size: "12KiB", access: "rw" },
        "page-1": { virt: 0x60_0000, size: "4KiB", access: "rw" },
      },
    },
    gdt: { in: "data", segments: { code: { type: "code", bits: 64 }, data: { type: "data" } } },
    stacks: { main: { virt: 0x7f_e000, size: "4KiB" } },
    place: {
      guest: { code: withData(), in: "text", sections: { rodata: { in: "data", offset: 0x1000 } } },
      other: {
        code: code64().section("rodata").u64(8),
        in: "text",
        offset: 0x100,
        sections: { rodata: { in: "data", offset: 0x1100 } },
      },
    },
    entry: "guest",
  }).build();
  return imageToJson(image);
}

/** A boot sector's beginning: `mov al, 'H'; out 0xe9, al; hlt` and a byte that is no instruction. */
export const rawCode: Uint8Array = Uint8Array.of(0xb0, 0x48, 0xe6, 0xe9, 0xf4, 0x0f);
