/**
 * Runs the named checks one after the other, all of them even if one fails, and ends with one line that
 * counts every test: `N passed, N failed, N skipped`. Type check and lint count as one test each. What failed is
 * named once more before that line: it may stand thousands of lines above.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../lib/paths.ts";
import { addCounts, type Counts, countsOfJunit, countsOfReport, failedCheck, noTests } from "./counts.ts";

interface Check {
  readonly title: string;
  readonly run: () => Promise<Counts>;
}

const checks: Readonly<Record<string, Check>> = {
  types: { title: "type check", run: () => command("tsc", ["--noEmit"]) },
  lint: { title: "lint", run: () => command("biome", ["check", "--error-on-warnings", "."]) },
  unit: { title: "unit tests", run: () => vitest("unit") },
  slow: { title: "slow unit tests", run: () => vitest("slow") },
  policy: { title: "policy tests", run: () => vitest("policy") },
  render: { title: "rendered charts", run: () => vitest("render") },
  engine: { title: "engine tests", run: () => vitest("engine") },
  aws: { title: "engine tests of the aws stack", run: () => vitest("aws") },
  pipelines: { title: "pipeline tests", run: () => vitest("pipelines") },
  training: { title: "training, in Python", run: pytest },
};

const installed = (binary: string): string => join(projectRoot, "node_modules", ".bin", binary);

function execute(binary: string, args: readonly string[]): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const child = spawn(binary, args, {
    cwd: projectRoot,
    stdio: "inherit",
  });
  child.on("error", reject);
  child.on("close", (code) => resolve(code ?? 1));
  return promise;
}

async function command(binary: string, args: readonly string[]): Promise<Counts> {
  const code = await execute(installed(binary), args);
  return code === 0 ? { ...noTests, passed: 1 } : failedCheck(`${binary} ended with status ${code}`);
}

async function pytest(): Promise<Counts> {
  const dir = mkdtempSync(join(tmpdir(), "mlops-check-"));
  const report = join(dir, "report.xml");
  try {
    const cli = join(projectRoot, "tools", "training", "cli.ts");
    const code = await execute(process.execPath, [cli, "test", `--junit-xml=${report}`]);
    return countsOfJunit(readFileSync(report, "utf8"), code);
  } catch (error) {
    return failedCheck(`no report of pytest: ${(error as Error).message}`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function vitest(project: string): Promise<Counts> {
  const dir = mkdtempSync(join(tmpdir(), "mlops-check-"));
  const report = join(dir, "report.json");
  try {
    const code = await execute(installed("vitest"), [
      "run",
      "--project",
      project,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
    ]);
    return countsOfReport(readFileSync(report, "utf8"), code, projectRoot);
  } catch (error) {
    return failedCheck(`no report of vitest: ${(error as Error).message}`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const names = process.argv.slice(2);
const unknown = names.filter((name) => checks[name] === undefined);
if (names.length === 0 || unknown.length > 0) {
  console.error(`usage: node tools/check/cli.ts ${Object.keys(checks).join("|")} ...`);
  process.exit(2);
}
let total = noTests;
for (const name of names) {
  const check = checks[name];
  if (check === undefined) continue;
  const start = performance.now();
  console.log(`\n== ${check.title}`);
  const counts = await check.run();
  const failures = counts.failures.map((failure) => `${check.title}: ${failure}`);
  total = addCounts(total, { ...counts, failures });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`== ${check.title}: ${counts.failed === 0 ? "ok" : `${counts.failed} failed`} (${seconds} s)`);
}
if (total.failures.length > 0)
  console.log(`\nfailed:\n${total.failures.map((line) => `  ${line}`).join("\n")}`);
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;
