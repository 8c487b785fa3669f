/** Versions, intents and evidence for tests. */
import {
  addEvidence,
  approve,
  changeRecord,
  claimVersion,
  type Evidence,
  type Intent,
  type ModelRecord,
  type ObjectStore,
  promote,
  readManifest,
  readRecord,
  type ServedVersion,
  servedName,
  stage,
  sumOf,
  versionPrefix,
  writeManifest,
} from "@mlops/registry";

export const model = "digits";

/** What training made: registered version `n`. */
export function sourceOf(n: number) {
  return { runId: `run-${n}`, registeredModel: model, registeredVersion: String(n) };
}

/** SHA-256 of the file that the gates judged. */
export function fileOf(n: number): string {
  return sumOf(`file ${n}`);
}

export function evidenceOf(gate: string, artifactSha256: string, against?: number): Evidence {
  return {
    gate,
    artifactSha256,
    ...(against === undefined ? {} : { against }),
    report: { uri: `mlflow-artifacts:/${gate}.json`, sha256: sumOf(gate) },
    at: "2026-01-01T00:00:00.000Z",
  };
}

/** Registered version `n` after the gates of training, compared with served version `against`. */
export function intentOf(n: number, against?: number): Intent {
  const file = fileOf(n);
  return {
    source: sourceOf(n),
    sha256: file,
    evidence: [evidenceOf("accuracy", file, against), evidenceOf("parity", file)],
  };
}

/** Served version `version` made from registered version `n`. */
export function versionOf(version: number, n: number = version): ServedVersion {
  const name = servedName(model, version);
  return {
    version,
    servedName: name,
    artifact: { prefix: `triton/${name}`, sha256: sumOf(`manifest ${name}`) },
    source: sourceOf(n),
  };
}

/** A change of the record by one step. */
export async function change(
  store: ObjectStore,
  step: string,
  action: Parameters<typeof changeRecord>[1]["change"],
): Promise<ModelRecord | undefined> {
  return changeRecord(store, { model, change: action, actor: step });
}

/** All of a deployment of registered version `n`, as the steps do it: each can run again. */
export async function deploy(store: ObjectStore, n: number, against: number | undefined): Promise<number> {
  const actor = `deploy ${n}`;
  const intent = intentOf(n, against);
  await change(store, actor, (state) => approve(state, { name: model, server: "triton" }, intent));
  const origin = { source: intent.source, sha256: intent.sha256, format: "triton/python/2" };
  const number = await claimVersion(store, model, origin, actor, (await recordOf(store)) ?? {});
  const version = versionOf(number, n);
  await change(store, actor, (state) => stage(state, version, [fileOf(n)]));
  await change(store, actor, (state) =>
    addEvidence(state, evidenceOf("functional", version.artifact.sha256)),
  );
  await change(store, actor, (state) => promote(state, version.servedName));
  return number;
}

/** A deployment with its files, against what is live. */
export async function deployFiles(store: ObjectStore, n: number): Promise<ServedVersion> {
  const actor = `deploy ${n}`;
  const live = (await recordOf(store))?.live?.version;
  const intent = intentOf(n, live);
  await change(store, actor, (state) => approve(state, { name: model, server: "triton" }, intent));
  const origin = { source: intent.source, sha256: intent.sha256, format: "triton/python/2" };
  const number = await claimVersion(store, model, origin, actor, (await recordOf(store)) ?? {});
  const name = servedName(model, number);
  const prefix = versionPrefix("triton", name);
  await store.put(`${prefix}/1/model.onnx`, new TextEncoder().encode(`file ${n}`));
  await writeManifest(store, prefix, {
    schemaVersion: 1,
    servedName: name,
    files: [{ path: "1/model.onnx", size: 6, sha256: fileOf(n) }],
    source: intent.source,
  });
  const manifest = await readManifest(store, prefix);
  if (manifest === undefined) throw new Error(`${name} has no manifest`);
  const version: ServedVersion = {
    version: number,
    servedName: name,
    artifact: { prefix, sha256: manifest.sha256 },
    source: intent.source,
  };
  await change(store, actor, (state) => stage(state, version, [fileOf(n)]));
  await change(store, actor, (state) => addEvidence(state, evidenceOf("functional", manifest.sha256)));
  await change(store, actor, (state) => promote(state, name));
  return version;
}

export async function recordOf(store: ObjectStore): Promise<ModelRecord | undefined> {
  return (await readRecord(store, model))?.record;
}
