import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import {
  adapterFiles,
  type Manifest,
  SignatureError,
  sumOf,
  type TritonVersion,
  tritonBackends,
  tritonVersionFiles,
  type VersionFile,
  writeManifest,
} from "@mlops/registry";
import { readAdapter } from "../lib/adapter.ts";
import type { StepContext } from "../lib/context.ts";
import { claimedVersion, type Deployment, exportOf, exportPaths, signatureOf } from "../lib/deployments.ts";
import { InputError } from "../lib/errors.ts";
import { modelName, versionNumber } from "../lib/flags.ts";
import { defineStep } from "../lib/step.ts";
import { fileEntry, putImmutable } from "../lib/upload.ts";

export const upload = defineStep({
  name: "upload",
  about: "Uploads the version's files, which never change, and last the manifest that makes it exist.",
  flags: { model: modelName, version: versionNumber },
  outputs: { "manifest-sha256": "the version's identity: SHA-256 of its manifest" },
  run: async (context, { model, version }, write) => {
    const deployment = await claimedVersion(context, model, version);
    const { signature, files: served } = await contentOf[deployment.server](context, deployment);
    const files = [...served, await metadataOf(context, deployment)];
    for (const { path, content } of files) {
      await putImmutable(context, `${deployment.prefix}/${path}`, content);
      context.log(`${path}: ${content.length} bytes`);
    }
    const content: Manifest = {
      schemaVersion: 1,
      servedName: deployment.servedName,
      files: files.map(({ path, content }) => fileEntry(path, content)),
      source: deployment.claim.source,
      ...(signature === undefined ? {} : { signature }),
    };
    const sum = await writeManifest(context.registry, deployment.prefix, content);
    context.log(`${deployment.servedName} is complete`);
    write({ "manifest-sha256": sum });
  },
});

async function metadataOf(context: StepContext, { prefix, servedName }: Deployment): Promise<VersionFile> {
  const path = "metadata.json";
  const found = await context.registry.get(`${prefix}/${path}`);
  if (found !== undefined) return { path, content: found.body };
  throw new InputError(`${servedName} has no ${path}; run metadata first`);
}

interface Content {
  readonly files: readonly VersionFile[];
  readonly signature?: TritonVersion["signature"];
}

/** The files that each server loads; an Error if they are not those that the gates judged. */
const contentOf = {
  triton: async (context: StepContext, deployment: Deployment): Promise<Content> => {
    const { run, metadata: exported } = await exportOf(context, deployment);
    const signature = signatureOf(exported);
    const onnx = await context.mlflow.artifacts.read(run, exportPaths.onnx);
    if (onnx === undefined || sumOf(onnx) !== exported.onnxSha256) {
      const found = onnx === undefined ? "is missing" : `has SHA-256 ${sumOf(onnx)}`;
      throw new InputError(
        `${exportPaths.onnx} of run ${run.runId} ${found}; the gates judged ${exported.onnxSha256}`,
      );
    }
    return { signature, files: await tritonFiles(deployment, signature, onnx) };
  },
  vllm: async (context: StepContext, { claim }: Deployment): Promise<Content> => {
    const run = await context.mlflow.getRun(claim.source.runId);
    const { config, weights, sha256 } = await readAdapter(context, run);
    if (sha256 !== claim.sha256) {
      throw new InputError(
        `${adapterFiles.weights} of run ${run.runId} has SHA-256 ${sha256}; the gates judged ${claim.sha256}`,
      );
    }
    return {
      files: [
        { path: adapterFiles.config, content: config },
        { path: adapterFiles.weights, content: weights },
      ],
    };
  },
} as const;

async function tritonFiles(
  { claim, servedName }: Deployment,
  signature: TritonVersion["signature"],
  onnx: Uint8Array,
): Promise<VersionFile[]> {
  const backend = tritonBackends.find((name) => claim.format.startsWith(`triton/${name}/`));
  if (backend === undefined)
    throw new InputError(`${servedName} was claimed as ${claim.format}, not for Triton`);
  const wrapper = backend === "python" ? await readFile(wrapperFile()) : undefined;
  try {
    return tritonVersionFiles({
      servedName,
      signature,
      backend,
      onnx,
      ...(wrapper === undefined ? {} : { wrapper }),
    });
  } catch (error) {
    if (error instanceof SignatureError) throw new InputError(error.message);
    throw error;
  }
}

/** The model that runs ONNX Runtime in Triton's Python backend. */
function wrapperFile(): string {
  return fileURLToPath(new URL("triton/model.py", import.meta.resolve("@mlops/registry")));
}
