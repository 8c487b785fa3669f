import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import type { FoundCluster } from "../../components/local/cluster.ts";
import type { LocalConfig } from "../../config/schema.ts";
import { handoverFile, readHandover } from "../embedded/handover.ts";
import { projectRoot } from "../lib/paths.ts";
import { servingUrls } from "../serving/addresses.ts";
import { dockerRuns } from "./docker.ts";
import { embeddedDir } from "./paths.ts";

/**
 * What the disk knows of the cluster that the configuration chose; checks that its API server answers,
 * because with a dead one every resource would fail one by one, late.
 *
 * @throws pulumi.RunError saying what is missing and which command makes it.
 */
export async function findCluster(config: LocalConfig): Promise<FoundCluster> {
  switch (config.cluster) {
    case "k3d":
      return findK3d(config);
    case "embedded":
      return findEmbedded();
    case "existing":
      return findExisting(config);
  }
}

/** k3d makes its cluster during the update, so it is Docker that must be there before. */
async function findK3d(config: LocalConfig): Promise<FoundCluster> {
  if (!(await dockerRuns())) {
    throw new pulumi.RunError(
      "the stack uses cluster `k3d`, and no Docker engine answers; nothing was changed. Start Docker and " +
        "check it with `docker info`, or, for a stack that is not up, choose CLUSTER=embedded or existing.",
    );
  }
  return { kind: "k3d", dataDir: resolve(projectRoot, config.dataDir) };
}

async function findEmbedded(): Promise<FoundCluster> {
  const dir = embeddedDir();
  if (!existsSync(handoverFile(dir))) {
    throw new pulumi.RunError("the embedded cluster does not exist yet; start it with `make cluster`");
  }
  const handover = readHandover(dir);
  const kubeconfig = readFileSync(handover.kubeconfig, "utf8");
  await assertAnswers(kubeconfig, undefined, "start the embedded cluster with `make cluster`");
  return {
    kind: "embedded",
    embedded: {
      id: handover.id,
      kubeconfig,
      minio: handover.minio ?? { accessKey: "mlops", secretKey: "" },
      processes: {
        ...(handover.mlflow === undefined ? {} : { mlflow: handover.mlflow.url }),
        ...(handover.minio === undefined
          ? {}
          : { minio: handover.minio.consoleUrl, s3: handover.minio.endpoint }),
        ...servingUrls(handover.ports),
      },
    },
  };
}

async function findExisting(config: LocalConfig): Promise<FoundCluster> {
  const path = config.kubeconfig ?? process.env.KUBECONFIG ?? join(homedir(), ".kube", "config");
  const file = resolve(projectRoot, path.replace(/^~(?=\/)/, homedir()));
  if (!existsSync(file)) {
    throw new pulumi.RunError(
      `mlops:kubeconfig: ${path} does not exist; set it to the kubeconfig of the existing cluster`,
    );
  }
  const kubeconfig = readFileSync(file, "utf8");
  await assertAnswers(kubeconfig, config.context, "start the cluster or correct mlops:context");
  return { kind: "existing", kubeconfig };
}

interface Kubeconfig {
  "current-context"?: string;
  contexts?: { name: string; context: { cluster: string } }[];
  clusters?: { name: string; cluster: { server: string } }[];
}

/** Address of the API server that a context of a kubeconfig names. */
export function serverOf(kubeconfig: string, context: string | undefined): URL {
  const parsed = (parse(kubeconfig) ?? {}) as Kubeconfig;
  const contexts = parsed.contexts ?? [];
  const name = context ?? parsed["current-context"];
  const chosen = contexts.find((candidate) => candidate.name === name);
  if (chosen === undefined) {
    const known = contexts.map((candidate) => candidate.name).join(", ") || "none";
    throw new pulumi.RunError(`mlops:context: the kubeconfig has no context ${name}; it has: ${known}`);
  }
  const cluster = (parsed.clusters ?? []).find((candidate) => candidate.name === chosen.context.cluster);
  if (cluster === undefined) {
    throw new pulumi.RunError(`the kubeconfig's context ${name} names a cluster that it does not describe`);
  }
  return new URL(cluster.cluster.server);
}

async function assertAnswers(kubeconfig: string, context: string | undefined, remedy: string): Promise<void> {
  const server = serverOf(kubeconfig, context);
  const { promise, resolve: answered, reject } = Promise.withResolvers<void>();
  const port = Number(server.port || 443);
  const socket = connect({ host: server.hostname.replace(/^\[|\]$/g, ""), port, timeout: 5_000 });
  socket.once("connect", () => answered());
  socket.once("timeout", () => reject(new Error("no answer in 5 s")));
  socket.once("error", reject);
  try {
    await promise;
  } catch (error) {
    throw new pulumi.RunError(
      `the cluster's API server ${server.origin} does not answer (${(error as Error).message}); ` +
        `nothing was changed. To go on, ${remedy}.`,
    );
  } finally {
    socket.destroy();
  }
}
