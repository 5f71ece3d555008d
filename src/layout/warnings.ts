/** What is legal but suspicious. */
import type { ImageMapping, ImageWarning } from "./image.ts";

/** The warnings that mappings give. */
export function warningsOf(mappings: readonly ImageMapping[]): ImageWarning[] {
  return mappings
    .filter(({ access, backing }) => access === "rwx" && backing === "ram")
    .map(({ name }) => ({
      code: "WRITABLE_AND_EXECUTABLE",
      message: `paging.map.${name} is writable and executable: the guest can run what it writes`,
    }));
}
