/**
 * Measures previews of the aws stack under the real engine (AWS rehearsed, no cluster) against a program that only
 * imports @pulumi/aws and @pulumi/eks, and what the policy pack adds, beside what a pack without policies adds: that much
 * is CrossGuard's own. Prints a table; the median of RUNS each.
 *
 *   RUNS=5 node test/bench/aws.ts
 */
import { readFileSync, writeFileSync } from "node:fs";
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

const withoutPack = { PULUMI_OPTION_POLICY_PACK: undefined };

/** What an entry of a pack that judges nothing reads. */
const emptyPack =
  'import { PolicyPack } from "@pulumi/policy";\n\nnew PolicyPack("empty", { policies: [] });\n';

/** Previews with another text in one of the room's files. */
async function previewsWith(
  file: string,
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Measurement> {
  const path = join(room.root, file);
  const own = readFileSync(path, "utf8");
  writeFileSync(path, text);
  try {
    return await previews(env);
  } finally {
    writeFileSync(path, own);
  }
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
  const overhead = await previewsWith("policy/index.js", emptyPack, {});
  // As in any project: what ./env sets for this one does not help it.
  const imports = 'import "@pulumi/aws";\nimport "@pulumi/eks";\n';
  const empty = await previewsWith("index.ts", imports, { ...withoutPack, NODE_OPTIONS: undefined });
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
