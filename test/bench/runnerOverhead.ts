/**
 * What the runner adds to each step: `node test/bench/runnerOverhead.ts [STEPS]`. A chain of steps that do nothing,
 * each a process of its own, against the same processes started bare, one after the other, in the same run.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { runLocally } from "@mlops/runner";

const count = Number(process.argv[2] ?? 30);
const command = [process.execPath, "-e", "0"];

const tasks = Array.from({ length: count }, (_unused, index) => ({
  name: `s${index}`,
  template: "nothing",
  ...(index === 0 ? {} : { depends: `s${index - 1}.Succeeded` }),
}));
const spec = {
  entrypoint: "main",
  templates: [
    { name: "main", dag: { tasks } },
    {
      name: "nothing",
      container: { image: "x", command, envFrom: [{ configMapRef: { name: "platform" } }] },
    },
  ],
};

const folder = mkdtempSync(join(tmpdir(), "mlops-overhead-"));
const never = new AbortController().signal;
try {
  const bare = performance.now();
  for (let index = 0; index < count; index++) spawnSync(command[0] as string, command.slice(1));
  const began = performance.now();
  const { status } = await runLocally(
    { name: "overhead", annotations: {}, spec },
    {},
    {
      namespace: { name: "pipelines", configMap: async () => ({ A: "b" }), secret: async () => undefined },
      runsFolder: folder,
      interpreterOf: () => ({ programs: {}, folders: {}, environment: {} }),
      stop: never,
      stopExit: never,
    },
  );
  const seconds = { bare: (began - bare) / 1000, run: (performance.now() - began) / 1000 };
  if (status !== "Succeeded") throw new Error(`the run ${status}`);
  const perStep = (seconds.run - seconds.bare) / count;
  const row = { steps: count, cores: availableParallelism(), ...seconds, overheadSecondsPerStep: perStep };
  console.log(JSON.stringify(row));
} finally {
  rmSync(folder, { recursive: true });
}
