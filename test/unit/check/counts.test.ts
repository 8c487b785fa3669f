import { describe, expect, it } from "vitest";
import { countsOfJunit, countsOfReport } from "../../../tools/check/counts.ts";

describe("counts of a vitest report", () => {
  const report = (failed: number): string =>
    JSON.stringify({ numPassedTests: 5, numFailedTests: failed, numPendingTests: 1, numTodoTests: 1 });

  it("adds up what did not run", () => {
    expect(countsOfReport(report(2), 1)).toEqual({ passed: 5, failed: 2, skipped: 2 });
  });

  it("counts a failure where a file could not be loaded", () => {
    expect(countsOfReport(report(0), 1).failed).toBe(1);
  });
});

describe("counts of a pytest report", () => {
  const report = (attributes: string): string =>
    `<?xml version="1.0"?><testsuites><testsuite name="pytest" ${attributes} time="1.5"></testsuite></testsuites>`;

  it("takes errors of fixtures for failures", () => {
    const counts = countsOfJunit(report('errors="1" failures="2" skipped="3" tests="10"'), 1);
    expect(counts).toEqual({ passed: 4, failed: 3, skipped: 3 });
  });

  it("counts a failure where pytest failed without a failed test", () => {
    expect(countsOfJunit(report('errors="0" failures="0" skipped="0" tests="4"'), 2).failed).toBe(1);
  });

  it("refuses what is no report", () => {
    expect(() => countsOfJunit("", 0)).toThrow("test suite");
  });
});
