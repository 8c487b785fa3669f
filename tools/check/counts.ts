import { relative } from "node:path";

/** How many tests ended how, and which ones failed. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** A line for each failure that can be named: file, test, the first line of why. */
  readonly failures: readonly string[];
}

export const noTests: Counts = { passed: 0, failed: 0, skipped: 0, failures: [] };

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    failures: [...a.failures, ...b.failures],
  };
}

/** One failed check that has no tests of its own, or whose tests left no report. */
export function failedCheck(why: string): Counts {
  return { ...noTests, failed: 1, failures: [why] };
}

/** The part of vitest's JSON report that is read here. */
interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

const firstLine = (text: string): string => text.split("\n", 1)[0] ?? "";

/**
 * Counts of a vitest JSON report. A run that exited with a status other than 0 counts at least one
 * failure, whatever the report says: a file that cannot be loaded has no test that could fail, and an
 * error between the tests belongs to none.
 * @param root The folder that paths are told from.
 */
export function countsOfReport(json: string, exitCode: number, root: string): Counts {
  const report = JSON.parse(json) as VitestReport;
  const failures = report.testResults.flatMap((file) => {
    const path = relative(root, file.name);
    const failed = file.assertionResults.filter(({ status }) => status === "failed");
    if (failed.length === 0 && file.status === "failed") return [`${path}: ${firstLine(file.message)}`];
    return failed.map((test) => `${path} > ${test.fullName}: ${firstLine(test.failureMessages[0] ?? "")}`);
  });
  const lost = exitCode !== 0 && failures.length === 0;
  return {
    passed: report.numPassedTests,
    failed: Math.max(report.numFailedTests, exitCode === 0 ? 0 : 1),
    skipped: report.numPendingTests + report.numTodoTests,
    failures: lost
      ? [`vitest ended with status ${exitCode}, though no test failed: see its output above`]
      : failures,
  };
}

/** Counts of a JUnit report by pytest; a test that cannot be set up is a failure. */
export function countsOfJunit(xml: string, exitCode: number): Counts {
  const suite = /<testsuite\s[^>]*>/.exec(xml)?.[0];
  if (suite === undefined) throw new Error("the report names no test suite");
  const count = (name: string): number => Number(new RegExp(`\\s${name}="(\\d+)"`).exec(suite)?.[1] ?? "0");
  const failed = count("failures") + count("errors");
  const skipped = count("skipped");
  const cases = xml.matchAll(/<testcase classname="([^"]*)" name="([^"]*)"[^>]*><(?:failure|error)\s/g);
  return {
    passed: count("tests") - failed - skipped,
    failed: Math.max(failed, exitCode === 0 ? 0 : 1),
    skipped,
    failures: [...cases].map(([, file, name]) => `${file} > ${name}`),
  };
}
