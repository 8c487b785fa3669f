import { describe, expect, it } from "vitest";
import { countsOfJunit, countsOfReport } from "../../../tools/check/counts.ts";

describe("counts of a vitest report", () => {
  const report = (failed: number, testResults: readonly object[] = []): string =>
    JSON.stringify({
      numPassedTests: 5,
      numFailedTests: failed,
      numPendingTests: 1,
      numTodoTests: 1,
      testResults,
    });
  const file = { name: "/checkout/test/unit/a.test.ts", status: "failed", message: "", assertionResults: [] };

  it("adds up what did not run", () => {
    expect(countsOfReport(report(2), 1, "/checkout")).toMatchObject({ passed: 5, failed: 2, skipped: 2 });
  });

  it("names what failed, and nothing else", () => {
    const assertionResults = [
      { fullName: "adds", status: "passed", failureMessages: [] },
      { fullName: "divides", status: "failed", failureMessages: ["Error: by zero\n  at line 3"] },
    ];
    const { failures } = countsOfReport(report(1, [{ ...file, assertionResults }]), 1, "/checkout");
    expect(failures).toEqual(["test/unit/a.test.ts > divides: Error: by zero"]);
  });

  it("counts a failure where a file could not be loaded, and says which", () => {
    const counts = countsOfReport(report(0, [{ ...file, message: "SyntaxError: no\nmore" }]), 1, "/checkout");
    expect(counts).toMatchObject({ failed: 1, failures: ["test/unit/a.test.ts: SyntaxError: no"] });
  });

  it("counts a failure that belongs to no test", () => {
    const { failed, failures } = countsOfReport(report(0), 1, "/checkout");
    expect({ failed, failures }).toEqual({ failed: 1, failures: [expect.stringContaining("status 1")] });
  });
});

describe("counts of a pytest report", () => {
  const failed = `<testcase classname="tests.test_loss" name="test_nan" time="0.1"><failure message="nan" /></testcase>`;
  const report = (attributes: string): string =>
    `<?xml version="1.0"?><testsuites><testsuite name="pytest" ${attributes}>${failed}</testsuite></testsuites>`;

  it("takes errors of fixtures for failures", () => {
    const counts = countsOfJunit(report('errors="1" failures="2" skipped="3" tests="10"'), 1);
    expect(counts).toMatchObject({ passed: 4, failed: 3, skipped: 3 });
  });

  it("names what failed", () => {
    const { failures } = countsOfJunit(report('errors="0" failures="1" skipped="0" tests="1"'), 1);
    expect(failures).toEqual(["tests.test_loss > test_nan"]);
  });

  it("counts a failure where pytest failed without a failed test", () => {
    expect(countsOfJunit(report('errors="0" failures="0" skipped="0" tests="4"'), 2).failed).toBe(1);
  });

  it("refuses what is no report", () => {
    expect(() => countsOfJunit("", 0)).toThrow("test suite");
  });
});
