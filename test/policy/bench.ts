/**
 * Measures how long the CLI takes for 1,000 manifests, as files and as one multi-document stream; the goal is
 * under 5 s. Run: node test/policy/bench.ts. Prints JSON.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readCorpus } from "./corpus.ts";

const COUNT = 1000;
const main = `${import.meta.dirname}/../../policy/cli/main.ts`;
const texts = readCorpus()
  .filter(({ subject }) => subject === undefined)
  .map(({ text }) => text);
const manifests = Array.from({ length: COUNT }, (_, index) => texts[index % texts.length] ?? "");

const folder = mkdtempSync(join(tmpdir(), "policy-bench-"));
try {
  const files = manifests.map((text, index) => {
    const file = join(folder, `${index}.yaml`);
    writeFileSync(file, text);
    return file;
  });
  const asFiles = seconds([...files], "");
  const asStream = seconds(["-"], manifests.join("\n---\n"));
  process.stdout.write(`${JSON.stringify({ manifests: COUNT, goalSeconds: 5, asFiles, asStream })}\n`);
} finally {
  rmSync(folder, { recursive: true });
}

/** Wall time of one run of the CLI, start of Node included. Exits when it could not read something. */
function seconds(argv: readonly string[], input: string): number {
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [main, "--format", "json", ...argv], {
    input,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0 && status !== 1) throw new Error(`the CLI ended with ${status}: ${stderr}`);
  return Math.round(performance.now() - started) / 1000;
}
