import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { delimiter } from "node:path";
import { createLog } from "../lib/log.ts";
import { ensureTraining, trainingDir, trainingSources } from "./environment.ts";
import { documentedFacts, factsFile } from "./facts.ts";

const usage = `Usage: node tools/training/cli.ts COMMAND [ARGUMENTS]

The Python steps of training/, in their own virtual environment (made on first use).

  python ARGUMENTS  run its interpreter, such as \`python -m mlops_training.train --help\`
  test [ARGUMENTS]  lint, then pytest with these arguments
  path              print the path of the interpreter
  facts             take the facts that the corpus of language models asks about from the project's tables
`;

function run(command: string, args: readonly string[], cwd: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const path = [trainingSources, process.env.PYTHONPATH].filter((part) => part).join(delimiter);
  const child = spawn(command, args, { cwd, stdio: "inherit", env: { ...process.env, PYTHONPATH: path } });
  child.on("error", reject);
  child.on("close", (code) => resolve(code ?? 1));
  return promise;
}

async function test(python: string, args: readonly string[]): Promise<number> {
  const lint = [["check"], ["format", "--check"]];
  for (const command of lint) {
    const code = await run(python, ["-m", "ruff", ...command, "."], trainingDir);
    if (code !== 0) return code;
  }
  return run(python, ["-m", "pytest", ...args], trainingDir);
}

async function main([command, ...args]: readonly string[]): Promise<number> {
  if (command === "--help") {
    process.stdout.write(usage);
    return 0;
  }
  if (command === "facts") {
    writeFileSync(factsFile, `${JSON.stringify(documentedFacts(), null, 2)}\n`);
    return 0;
  }
  if (command !== "python" && command !== "test" && command !== "path") {
    throw new Error(`${command === undefined ? "no command" : `unknown command ${command}`}\n\n${usage}`);
  }
  const python = await ensureTraining(createLog());
  if (command === "test") return test(python, args);
  if (command === "python") return run(python, args, process.cwd());
  process.stdout.write(`${python}\n`);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
