/**
 * Measures previews of the aws stack under the real engine (AWS rehearsed, no cluster) against a program that only
 * imports @pulumi/aws and @pulumi/eks, and what the policy pack adds, beside what a pack without policies adds: that much
 * is CrossGuard's own. Prints a table; the median of RUNS each.
 *
 *   RUNS=5 node test/bench/aws.ts
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AwsConfig } from "../../config/schema.ts";
import { parseConfig } from "../../config.ts";
import { tableLines } from "../../tools/charts/table.ts";
import { assumed } from "../../tools/rehearse/config.ts";
import { createRoom } from "../../tools/rehearse/room.ts";
import { readStackFile } from "../../tools/stack/configCopy.ts";
import { trackedConfig } from "../../tools/stack/paths.ts";
import { rawConfig } from "../../tools/stack/rawConfig.ts";
import { type Measurement, measure, median } from "./measure.ts";

const runs = Number(process.env.RUNS ?? "5");
const tracked = readStackFile(trackedConfig("aws")).config ?? {};
const raw = { ...tracked, ...assumed(tracked) };
const room = await createRoom(parseConfig(rawConfig(raw), new Set()) as AwsConfig, { config: raw });
const program = join(room.root, "index.ts");

const withoutPack = { PULUMI_OPTION_POLICY_PACK: undefined };

/** A pack that judges nothing. */
function emptyPack(): string {
  const dir = join(room.root, "empty-pack");
  mkdirSync(dir);
  writeFileSync(
    join(dir, "PulumiPolicy.yaml"),
    "runtime:\n  name: nodejs\n  options:\n    typescript: false\n",
  );
  writeFileSync(join(dir, "package.json"), '{ "version": "1.0.0", "type": "module" }\n');
  writeFileSync(
    join(dir, "index.js"),
    'import { PolicyPack } from "@pulumi/policy";\n\nnew PolicyPack("empty", { policies: [] });\n',
  );
  return dir;
}

async function previews(env: Readonly<Record<string, string | undefined>>): Promise<Measurement> {
  const measured: Measurement[] = [];
  // The first fills caches and is not counted.
  for (let run = 0; run <= runs; run += 1) {
    const one = await measure(() => room.pulumi(["preview"], { env }));
    if (run > 0) measured.push(one);
  }
  return median(measured);
}

try {
  const ours = await previews(withoutPack);
  const checked = await previews({});
  const overhead = await previews({ PULUMI_OPTION_POLICY_PACK: emptyPack() });
  const source = readFileSync(program, "utf8");
  writeFileSync(program, 'import "@pulumi/aws";\nimport "@pulumi/eks";\n');
  const empty = await previews({ ...withoutPack, NODE_OPTIONS: undefined });
  writeFileSync(program, source);
  const row = (name: string, { seconds, cpuSeconds }: Measurement, against: Measurement): string[] => [
    name,
    seconds.toFixed(1),
    cpuSeconds.toFixed(1),
    (seconds / against.seconds).toFixed(2),
  ];
  const rows = [
    row("imports alone", empty, empty),
    row("the aws stack", ours, empty),
    row("with a pack without policies", overhead, empty),
    row("with the policy pack", checked, empty),
  ];
  console.log(tableLines(["preview", "seconds", "CPU seconds", "times the imports"], rows).join("\n"));
  const added = ({ seconds }: Measurement): string => `${(100 * (seconds / ours.seconds - 1)).toFixed(0)} %`;
  console.log(
    `the pack adds ${added(checked)} to the stack's preview, one without policies ${added(overhead)}`,
  );
} finally {
  room.remove();
}
