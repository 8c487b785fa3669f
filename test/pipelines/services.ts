/** The real object store and tracking server, as processes of their own beside a test. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findBinary } from "../../tools/embedded/binaries.ts";
import { layoutOf } from "../../tools/embedded/layout.ts";
import { ensureMlflow } from "../../tools/embedded/mlflowEnvironment.ts";
import { ensureBuckets } from "../../tools/embedded/objectStore.ts";
import { ensurePorts } from "../../tools/embedded/ports.ts";
import { startProcess, stopProcess } from "../../tools/embedded/process.ts";
import { urlAnswersOk } from "../../tools/embedded/readiness.ts";
import { minioSpec, mlflowSpec, serviceHandover } from "../../tools/embedded/services.ts";
import { waitReady } from "../../tools/embedded/wait.ts";
import { createLog } from "../../tools/lib/log.ts";

export interface Services {
  readonly minioUrl: string;
  readonly mlflowUrl: string;
  /** Keys and region, as a step finds them in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  stop(name: "minio" | "mlflow"): Promise<void>;
  start(name: "minio" | "mlflow"): Promise<void>;
  /** Ends both and removes their data. */
  dispose(): Promise<void>;
}

/** Starts MinIO and, if asked for, MLflow with data of their own. */
export async function startServices({ mlflow: withMlflow }: { readonly mlflow: boolean }): Promise<Services> {
  const binary = findBinary("minio");
  if (binary === undefined) throw new Error("minio is not on PATH; run `make setup` and source ./env");
  const python = withMlflow ? await ensureMlflow(createLog()) : undefined;
  const layout = layoutOf(mkdtempSync(join(tmpdir(), "mlops-services-")));
  for (const dir of [layout.run, layout.logs, layout.minioData, layout.mlflowData]) mkdirSync(dir);
  const ports = await ensurePorts(layout, { running: new Set(), keepApiServer: false });
  const credentials = { minioAccessKey: "test-access", minioSecretKey: "test-secret-of-nobody" };
  const { minio, mlflow } = serviceHandover(ports, credentials);

  const start = async (name: "minio" | "mlflow"): Promise<void> => {
    if (name === "minio") {
      await startProcess(layout, minioSpec(binary, layout, ports, credentials));
      await waitReady(layout, name, urlAnswersOk(`${minio.endpoint}/minio/health/ready`));
      await ensureBuckets(minio);
    } else if (python !== undefined) {
      await startProcess(layout, mlflowSpec(python, layout, ports, credentials));
      await waitReady(layout, name, urlAnswersOk(`${mlflow.url}/health`), 300_000);
    }
  };
  const stop = (name: "minio" | "mlflow"): Promise<void> => stopProcess(layout, name);
  const dispose = async (): Promise<void> => {
    await Promise.all([stop("minio"), stop("mlflow")]);
    rmSync(layout.dir, { recursive: true, force: true });
  };
  try {
    await Promise.all([start("minio"), start("mlflow")]);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    minioUrl: minio.endpoint,
    mlflowUrl: mlflow.url,
    environment: {
      AWS_ACCESS_KEY_ID: minio.accessKey,
      AWS_SECRET_ACCESS_KEY: minio.secretKey,
      AWS_REGION: "us-east-1",
    },
    start,
    stop,
    dispose,
  };
}
