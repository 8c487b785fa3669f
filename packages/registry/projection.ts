/**
 * MLflow's aliases, derived from a model's record. MLflow cannot compare and set, so its aliases decide
 * nothing: they are for people and for the start of a workflow, and are repaired from the record.
 */
import type { MlflowClient } from "@mlops/mlflow";
import type { ObjectStore } from "./objectStore.ts";
import type { ModelRecord, Server, Source } from "./record.ts";
import { readRecord } from "./records.ts";
import type { RecordState } from "./transitions.ts";

/** Aliases that the record decides; any other is left as it is. */
const managed: Readonly<Record<Server, readonly string[]>> = {
  triton: ["champion", "deploy", "staged", "live", "previous"],
  vllm: ["candidate", "staged", "eval-passed", "perf-passed", "live", "previous"],
};

/** The record may change under the projection this often before the last state is left to the next one. */
const MAXIMUM_PASSES = 5;

/** The registered version that each alias must name. */
export function aliasesOf(record: RecordState): Map<string, Source> {
  const { live, previous, candidate, intent } = record;
  const aliases = new Map<string, Source | undefined>([
    ["live", live?.source],
    ["previous", previous?.source],
    ["staged", candidate?.source],
  ]);
  if (record.server === "triton") {
    aliases.set("champion", intent?.source);
    aliases.set("deploy", intent?.source);
  } else {
    const passed = (gate: string): Source | undefined =>
      record.evidence.some(
        (entry) => entry.gate === gate && entry.artifactSha256 === candidate?.artifact.sha256,
      )
        ? candidate?.source
        : undefined;
    const done = intent?.source.runId === live?.source.runId;
    aliases.set("candidate", done ? undefined : intent?.source);
    aliases.set("eval-passed", passed("evaluation"));
    aliases.set("perf-passed", passed("performance"));
  }
  return new Map([...aliases].filter((entry): entry is [string, Source] => entry[1] !== undefined));
}

/**
 * Makes MLflow's aliases say what the record of `model` says, until it stays the same meanwhile.
 *
 * @returns What was changed, for people: `live: 3 -> 4`.
 */
export async function projectAliases(
  store: ObjectStore,
  mlflow: MlflowClient,
  model: string,
): Promise<string[]> {
  const changes: string[] = [];
  let projected = 0;
  for (let pass = 0; pass < MAXIMUM_PASSES; pass++) {
    const found = await readRecord(store, model);
    if (found === undefined || found.record.epoch === projected) return changes;
    changes.push(...(await projectOnce(mlflow, found.record)));
    projected = found.record.epoch;
  }
  return changes;
}

async function projectOnce(mlflow: MlflowClient, record: ModelRecord): Promise<string[]> {
  const wanted = aliasesOf(record);
  const names = new Set([record.live, record.previous, record.candidate, record.intent].flatMap(registered));
  const changes: string[] = [];
  for (const name of names) {
    const current = await mlflow.getAliases(name);
    for (const alias of managed[record.server]) {
      const source = wanted.get(alias);
      const version = source?.registeredModel === name ? source.registeredVersion : undefined;
      const old = current.get(alias);
      if (version === old) continue;
      if (version === undefined) await mlflow.deleteAlias(name, alias);
      else await mlflow.setAlias(name, alias, version);
      changes.push(`${alias}: ${old ?? "none"} -> ${version ?? "none"}`);
    }
  }
  return changes;
}

function registered(from: { readonly source: Source } | undefined): string[] {
  return from === undefined ? [] : [from.source.registeredModel];
}
