import type { Log } from "../lib/log.ts";
import { type ApiClient, createApiClient } from "./apiClient.ts";
import { type ControlPlanePart, controlPlane, controlPlaneBinaries } from "./controlPlane.ts";
import { type Credentials, ensureCredentials } from "./credentials.ts";
import { openDataDir } from "./dataDir.ts";
import { readIfExists, writePrivate, writePrivateJson } from "./files.ts";
import { type Handover, handoverSchema } from "./handover.ts";
import { kwokConfig, simulatedLogContent } from "./kwokConfig.ts";
import type { Layout } from "./layout.ts";
import { clusterManifests, storageClassName } from "./manifests.ts";
import { ensureMlflow } from "./mlflowEnvironment.ts";
import { expandNodes } from "./nodes.ts";
import { ensureBuckets } from "./objectStore.ts";
import { ensurePorts, type Ports } from "./ports.ts";
import { type ProcessSpec, processState, runsAs, startProcess, stopProcess } from "./process.ts";
import { answersOk, controllersWork, nodesReady, policiesInForce, urlAnswersOk } from "./readiness.ts";
import { reconcileNodes, releaseLeases } from "./reconcileNodes.ts";
import { minioSpec, mlflowSpec, serviceHandover, serviceNames } from "./services.ts";
import { type Settings, type SettingsChange, updateSettings } from "./settings.ts";
import { waitReady } from "./wait.ts";

/** A cluster that can be used. */
export interface RunningCluster {
  readonly handover: Handover;
  /** Awaits the object store and the tracking server; at once if they were not asked for. */
  waitServices(): Promise<void>;
}

/** Executables by name. */
export interface Binaries extends Readonly<Record<ControlPlanePart, string>> {
  /** Needed with services only. */
  readonly minio?: string;
}

interface Context {
  readonly layout: Layout;
  readonly log: Log;
  readonly ports: Ports;
  readonly credentials: Credentials;
  readonly settings: Settings;
}

/** Starts what does not run as it should; the caller holds the lock. See `start`. */
export async function bringUp(
  layout: Layout,
  log: Log,
  binaries: Binaries,
  change: SettingsChange,
): Promise<RunningCluster> {
  const marker = openDataDir(layout);
  const settings = updateSettings(layout, change);
  const ports = await ensurePorts(layout, {
    running: new Set([...controlPlaneBinaries, ...serviceNames].filter((name) => isRunning(layout, name))),
    // Once handed over, the address may stand in kubeconfigs and in Pulumi's state.
    keepApiServer: readIfExists(layout.handover) !== undefined,
  });
  const credentials = await ensureCredentials(layout, ports, log);
  const context: Context = { layout, log, ports, credentials, settings };

  const { minio } = binaries;
  const services = minio === undefined ? stopServices(context) : bringUpServices(context, minio);
  services.catch(() => {}); // reported to who awaits them
  const kubernetesVersion = await log.step("start the embedded cluster", (update) =>
    bringUpControlPlane(context, binaries, update),
  );
  const handover = handoverSchema.parse({
    version: 1,
    id: marker.id,
    kubernetesVersion,
    kubeconfig: layout.kubeconfig,
    storageClass: storageClassName,
    podStartDelay: settings.podStartDelay,
    nodes: expandNodes(settings.nodes).map(({ name, group, labels }) => ({
      name,
      kind: group.kind,
      labels,
      gpus: group.gpus,
    })),
    ports,
    ...(settings.services ? serviceHandover(ports, credentials) : {}),
  } satisfies Handover);
  writePrivateJson(layout.handover, handover);
  return { handover, waitServices: () => services };
}

function isRunning(layout: Layout, name: string): boolean {
  return processState(layout, name).kind === "running";
}

/** Starts a process unless it runs already as `spec` says. true if it was started. */
async function ensureProcess(layout: Layout, spec: ProcessSpec): Promise<boolean> {
  if (runsAs(layout, spec)) return false;
  await stopProcess(layout, spec.name);
  await startProcess(layout, spec);
  return true;
}

/** Brings the control plane up and returns the version that the API server reports. */
async function bringUpControlPlane(
  { layout, ports, credentials, settings }: Context,
  binaries: Binaries,
  update: (detail: string) => void,
): Promise<string> {
  writePrivate(layout.kwokConfig, kwokConfig(settings.podStartDelay, layout.simulatedLog));
  writePrivate(layout.simulatedLog, simulatedLogContent);
  const specs = controlPlane({ layout, ports, path: credentials.path, binaries });
  const clients = createClients(ports, credentials);
  const api = clients.api;
  try {
    update("etcd");
    await ensureProcess(layout, specs.etcd);
    await waitReady(layout, "etcd", answersOk(clients.etcd, "/health"));
    update("API server");
    await ensureProcess(layout, specs["kube-apiserver"]);
    await waitReady(layout, "kube-apiserver", answersOk(api, "/readyz"));

    update("controllers and nodes");
    await ensureProcess(layout, specs["kube-controller-manager"]);
    await ensureProcess(layout, specs["kube-scheduler"]);
    for (const { ref, object } of clusterManifests) await api.apply(ref, object);
    await reconcileNodes(api, settings.nodes, ports.kwok);
    if (!runsAs(layout, specs.kwok)) {
      await stopProcess(layout, "kwok");
      await releaseLeases(api);
      await startProcess(layout, specs.kwok);
    }
    await Promise.all([
      waitReady(layout, "kube-apiserver", policiesInForce(api)),
      waitReady(layout, "kube-controller-manager", answersOk(clients.controllerManager, "/healthz")),
      waitReady(layout, "kube-controller-manager", controllersWork(api)),
      waitReady(layout, "kube-scheduler", answersOk(clients.scheduler, "/readyz")),
      waitReady(layout, "kwok", nodesReady(api)),
    ]);
    return (await api.get<{ gitVersion: string }>("/version"))?.gitVersion ?? "unknown";
  } finally {
    for (const client of Object.values(clients)) client.close();
  }
}

function createClients(
  ports: Ports,
  { authority, adminToken, path }: Credentials,
): Record<"api" | "etcd" | "controllerManager" | "scheduler", ApiClient> {
  const kubernetes = { authority: authority.certificate, token: adminToken };
  return {
    api: createApiClient({ ...kubernetes, port: ports["kube-apiserver"] }),
    controllerManager: createApiClient({ ...kubernetes, port: ports["kube-controller-manager"] }),
    scheduler: createApiClient({ ...kubernetes, port: ports["kube-scheduler"] }),
    etcd: createApiClient({
      port: ports.etcd,
      authority: readIfExists(path("etcd-ca.crt")) ?? "",
      certificate: {
        certificate: readIfExists(path("etcd-client.crt")) ?? "",
        key: readIfExists(path("etcd-client.key")) ?? "",
      },
    }),
  };
}

async function bringUpServices(context: Context, minioBinary: string): Promise<void> {
  await Promise.all([bringUpMinio(context, minioBinary), bringUpMlflow(context)]);
}

async function bringUpMinio({ layout, log, ports, credentials }: Context, binary: string): Promise<void> {
  const { minio } = serviceHandover(ports, credentials);
  await log.step("start the object store", async () => {
    await ensureProcess(layout, minioSpec(binary, layout, ports, credentials));
    await waitReady(layout, "minio", urlAnswersOk(`${minio.endpoint}/minio/health/ready`));
    await ensureBuckets(minio);
  });
}

async function bringUpMlflow({ layout, log, ports, credentials }: Context): Promise<void> {
  const python = await ensureMlflow(log);
  const { mlflow } = serviceHandover(ports, credentials);
  await log.step("start the tracking server", async () => {
    await ensureProcess(layout, mlflowSpec(python, layout, ports, credentials));
    // Its first start reads thousands of files from a cold disk and makes the database.
    await waitReady(layout, "mlflow", urlAnswersOk(`${mlflow.url}/health`), 300_000);
  });
}

async function stopServices({ layout }: Context): Promise<void> {
  await Promise.all(serviceNames.map((name) => stopProcess(layout, name)));
}
