/** How the documents' tests run: as a user's, but on the package's source. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const conditions = ["guestwright-source"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  // Vitest looks for these without the conditions, and there is no build.
  test: { setupFiles: [fileURLToPath(new URL("../../src/testing/setup.ts", import.meta.url))] },
});
