import { defineConfig } from "vitest/config";

/** With it the package's own name resolves to `src`: tests and examples need no build. */
const conditions = ["guestwright-source"];

/** Where to write the results as JSON, for a script that counts them. */
const report = process.env["TEST_REPORT"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ["test/**/*.test.ts"],
    // A crash in native code then takes one file's process with it, not the whole run.
    pool: "forks",
    testTimeout: 30_000,
    hookTimeout: 60_000,
    slowTestThreshold: 3_000,
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
  },
});
