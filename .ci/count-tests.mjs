// Adds up Vitest's report and the names of the steps that failed, given as arguments, to the last line of `.ci/run`.
import { readFileSync } from "node:fs";

const [reportFile, ...failedSteps] = process.argv.slice(2);

let report = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };
try {
  report = JSON.parse(readFileSync(reportFile, "utf8"));
} catch (error) {
  failedSteps.push(`reading the tests' report (${error.message})`);
}

// A file that could not be loaded has no tests to count; it failed all the same.
const brokenFiles = report.testResults.filter(
  ({ status, assertionResults }) => status === "failed" && !assertionResults.some((test) => test.status === "failed"),
).length;
const testsFailed = report.numFailedTests + brokenFiles;
// The test command fails whenever a test does: it counts only where no test says why.
const otherSteps = failedSteps.filter((name) => testsFailed === 0 || name !== "the README's test command");

const failed = testsFailed + otherSteps.length;
const skipped = report.numPendingTests + report.numTodoTests;
if (failedSteps.length > 0) console.error(`failed: ${failedSteps.join(", ")}`);
console.log(`${report.numPassedTests} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
