/** How many tests ended how. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function addCounts(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/**
 * Counts of a vitest JSON report. A run that exited with a status other than 0 counts at least one
 * failure, whatever the report says: a file that cannot be loaded has no test that could fail.
 */
export function countsOfReport(json: string, exitCode: number): Counts {
  const report = JSON.parse(json) as {
    numPassedTests: number;
    numFailedTests: number;
    numPendingTests: number;
    numTodoTests: number;
  };
  return {
    passed: report.numPassedTests,
    failed: Math.max(report.numFailedTests, exitCode === 0 ? 0 : 1),
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** Counts of a JUnit report by pytest; a test that cannot be set up is a failure. */
export function countsOfJunit(xml: string, exitCode: number): Counts {
  const suite = /<testsuite\s[^>]*>/.exec(xml)?.[0];
  if (suite === undefined) throw new Error("the report names no test suite");
  const count = (name: string): number => Number(new RegExp(`\\s${name}="(\\d+)"`).exec(suite)?.[1] ?? "0");
  const failed = count("failures") + count("errors");
  const skipped = count("skipped");
  return {
    passed: count("tests") - failed - skipped,
    failed: Math.max(failed, exitCode === 0 ? 0 : 1),
    skipped,
  };
}
