/** What several steps of a deployment need to know of the version that they deploy. */
import {
  type ExportMetadata,
  exportMetadata,
  type FunctionalSamples,
  functionalSamples,
  type Tensor,
} from "@mlops/gates";
import type { Run } from "@mlops/mlflow";
import {
  type Claim,
  folders,
  type ModelSignature,
  numpyType,
  projectAliases,
  type ReadManifest,
  readClaim,
  readManifest,
  type Server,
  servedName,
  servers,
  versionPrefix,
} from "@mlops/registry";
import { z } from "zod";
import type { StepContext } from "./context.ts";
import { InputError } from "./errors.ts";
import { jsonOf } from "./json.ts";

/** Artifacts that `export_onnx` leaves in the run. */
export const exportPaths = {
  onnx: "onnx/model.onnx",
  metadata: "onnx/metadata.json",
  samples: "onnx/samples.json",
} as const;

export interface Deployment {
  readonly version: number;
  /** Which server it is made for. */
  readonly server: Server;
  readonly servedName: string;
  readonly prefix: string;
  readonly claim: Claim;
}

/** @throws InputError if the version was never claimed. */
export async function claimedVersion(
  context: StepContext,
  model: string,
  version: number,
): Promise<Deployment> {
  const claim = await readClaim(context.registry, model, version);
  if (claim === undefined) {
    throw new InputError(`version ${version} of ${model} was never claimed; run claim-version first`);
  }
  const name = servedName(model, version);
  const server = serverOf(claim);
  return { version, server, servedName: name, prefix: versionPrefix(server, name), claim };
}

/** The server that a claimed version is for: its format begins with the server's folder. */
export function serverOf({ format }: Pick<Claim, "format">): Server {
  const found = servers.find((server) => format.startsWith(`${folders[server]}/`));
  if (found !== undefined) return found;
  throw new InputError(`the version was claimed as ${format}, which no server loads`);
}

/** @throws InputError if the version's upload is not complete. */
export async function completeManifest(
  context: StepContext,
  { servedName: name, prefix }: Deployment,
): Promise<ReadManifest> {
  const found = await readManifest(context.registry, prefix);
  if (found !== undefined) return found;
  throw new InputError(
    `${name} has no manifest: its upload is not complete, or it was taken back; run upload first`,
  );
}

/** The run that made a version, and what its export says about the file. */
export async function exportOf(
  context: StepContext,
  { claim }: Deployment,
): Promise<{ run: Run; metadata: ExportMetadata }> {
  const run = await context.mlflow.getRun(claim.source.runId);
  const metadata = await readExported(context, run, exportPaths.metadata, exportMetadata);
  if (metadata.onnxSha256 === claim.sha256) return { run, metadata };
  throw new InputError(
    `run ${run.runId} was exported again after its version was claimed: the gates judged ${claim.sha256}, it now has ` +
      `${metadata.onnxSha256}; run gate-parity, register-deploy and claim-version again`,
  );
}

/**
 * Inputs and outputs as the registry names them.
 *
 * @throws InputError naming the tensors whose element type no server knows.
 */
export function signatureOf({ inputs, outputs }: ExportMetadata): ModelSignature {
  const unknown = [...inputs, ...outputs].filter(({ datatype }) => numpyType(datatype) === undefined);
  if (unknown.length > 0) {
    const names = unknown.map(({ name, datatype }) => `${name} (${datatype})`).join(", ");
    throw new InputError(`the model cannot be served: unknown element types of ${names}`);
  }
  const convert = ({ name, datatype, shape }: Tensor) => ({ name, dtype: numpyType(datatype) ?? "", shape });
  return { inputs: inputs.map(convert), outputs: outputs.map(convert) };
}

/** Held-out samples and what the registered model answered to them when it was exported. */
export function samplesOf(context: StepContext, run: Run): Promise<FunctionalSamples> {
  return readExported(context, run, exportPaths.samples, functionalSamples);
}

async function readExported<S extends z.ZodType>(
  context: StepContext,
  run: Run,
  path: string,
  schema: S,
): Promise<z.infer<S>> {
  const where = `${path} of run ${run.runId}`;
  const content = await context.mlflow.artifacts.read(run, path);
  if (content === undefined) throw new InputError(`there is no ${where}; run export_onnx first`);
  const parsed = schema.safeParse(jsonOf(content));
  if (parsed.success) return parsed.data;
  throw new InputError(`${where} is not what export_onnx writes\n${z.prettifyError(parsed.error)}`);
}

/** Brings MLflow's aliases up to the record, and says what that changed. */
export async function showAliases(context: StepContext, model: string): Promise<void> {
  for (const change of await projectAliases(context.registry, context.mlflow, model)) {
    context.log(`alias ${change}`);
  }
}
