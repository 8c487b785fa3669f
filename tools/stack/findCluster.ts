import { existsSync } from "node:fs";
import { connect } from "node:net";
import { resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { FoundCluster } from "../../components/local/cluster.ts";
import type { LocalConfig } from "../../config/schema.ts";
import { handoverFile, readHandover } from "../embedded/handover.ts";
import { isPortTaken, portHolder } from "../embedded/ports.ts";
import { projectRoot } from "../lib/paths.ts";
import { servingUrls } from "../serving/addresses.ts";
import { dockerRuns } from "./docker.ts";
import { existingKubeconfig, type Kubeconfig, readKubeconfig } from "./existingKubeconfig.ts";
import { kubectlFor } from "./kubectl.ts";
import { embeddedDir } from "./paths.ts";
import { readState, type StackState, usesFileBackend } from "./stateFile.ts";

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
  if (usesFileBackend()) await assertPortsFree(config, readState("local"));
  return { kind: "k3d", dataDir: resolve(projectRoot, config.dataDir) };
}

/**
 * Checks the ports that a k3d cluster is about to take. One that was begun before may hold them itself, and k3d
 * takes it back where it cannot go on.
 *
 * @throws pulumi.RunError naming each port that is taken, its holder where that is known, and its key.
 */
export async function assertPortsFree(
  config: Pick<LocalConfig, "ingressPort" | "registryPort">,
  state: Pick<StackState, "resources">,
): Promise<void> {
  if (state.resources.some(({ urn }) => urn.endsWith("::k3d-suffix"))) return;
  const problems: string[] = [];
  for (const key of ["ingressPort", "registryPort"] as const) {
    const port = config[key];
    if (await isPortTaken(port)) {
      problems.push(`  mlops:${key} = ${port}: the port is taken by ${portHolder(port)}`);
    }
  }
  if (problems.length === 0) return;
  throw new pulumi.RunError(
    `the k3d cluster's ports are not free; nothing was changed.\n${problems.join("\n")}\n` +
      "End what holds them, or choose other ports with `pulumi config set`.",
  );
}

async function findEmbedded(): Promise<FoundCluster> {
  const dir = embeddedDir();
  if (!existsSync(handoverFile(dir))) {
    throw new pulumi.RunError("the embedded cluster does not exist yet; start it with `make cluster`");
  }
  const { handover, kubeconfig, text } = refusing(() => {
    const handover = readHandover(dir);
    return { handover, ...readKubeconfig(handover.kubeconfig) };
  }, "`make cluster` writes it anew");
  await assertAnswers(kubeconfig, undefined, "start the embedded cluster with `make cluster`");
  return {
    kind: "embedded",
    embedded: {
      id: handover.id,
      kubeconfig: text,
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
  const file = existingKubeconfig(config.kubeconfig, config.context);
  const remedy = "set mlops:kubeconfig to the kubeconfig of the existing cluster";
  if (!existsSync(file)) {
    throw new pulumi.RunError(
      `mlops:kubeconfig: ${config.kubeconfig ?? file} does not exist; nothing was changed. To go on, ${remedy}.`,
    );
  }
  const { kubeconfig, text } = refusing(() => readKubeconfig(file), remedy);
  await assertAnswers(kubeconfig, config.context, "start the cluster or correct mlops:context");
  return { kind: "existing", kubeconfig: text, kubectl: kubectlFor(config) };
}

/** Reads what must be there; what is wrong with it is the user's to mend, and so told without a stack trace. */
function refusing<T>(read: () => T, remedy: string): T {
  try {
    return read();
  } catch (error) {
    throw new pulumi.RunError(`${(error as Error).message}; nothing was changed. To go on: ${remedy}.`);
  }
}

/** Address of the API server that a context of a kubeconfig names. */
export function serverOf(parsed: Kubeconfig, context: string | undefined): URL {
  const contexts = parsed.contexts ?? [];
  const name = context ?? parsed["current-context"];
  const chosen = contexts.find((candidate) => candidate.name === name);
  if (chosen === undefined) {
    const known = contexts.map((candidate) => candidate.name).join(", ") || "none";
    throw new pulumi.RunError(`mlops:context: the kubeconfig has no context ${name}; it has: ${known}`);
  }
  const cluster = (parsed.clusters ?? []).find((candidate) => candidate.name === chosen.context?.cluster);
  if (cluster === undefined) {
    throw new pulumi.RunError(`the kubeconfig's context ${name} names a cluster that it does not describe`);
  }
  const server = cluster.cluster?.server;
  const url = typeof server === "string" ? URL.parse(server) : null;
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new pulumi.RunError(
    `the kubeconfig's cluster ${cluster.name} has no server with an address such as https://host:6443`,
  );
}

async function assertAnswers(
  kubeconfig: Kubeconfig,
  context: string | undefined,
  remedy: string,
): Promise<void> {
  const server = serverOf(kubeconfig, context);
  const { promise, resolve: answered, reject } = Promise.withResolvers<void>();
  const port = Number(server.port || (server.protocol === "http:" ? 80 : 443));
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
