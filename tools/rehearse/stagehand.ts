import { storageClassName } from "../../components/aws/facts.ts";
import type { AwsSettings } from "../../config/awsSchema.ts";
import { type ApiClient, createApiClient } from "../embedded/apiClient.ts";
import { start } from "../embedded/cluster.ts";
import { adminAccess } from "../embedded/credentials.ts";
import { layoutOf } from "../embedded/layout.ts";
import { readPorts } from "../embedded/ports.ts";
import { addonObjects } from "./addons.ts";
import { groupFor } from "./autoscaler.ts";
import { describeNodes, groupsOf } from "./nodes.ts";
import {
  addressOf,
  type List,
  type Metadata,
  type Node,
  type Pod,
  type Sleeper,
  unschedulable,
} from "./objects.ts";

interface Claim {
  readonly metadata: Metadata;
  readonly spec: {
    readonly storageClassName?: string;
    readonly accessModes: readonly string[];
    readonly resources: { readonly requests: { readonly storage: string } };
  };
  readonly status: { readonly phase: string };
}

interface Volume {
  readonly metadata: Metadata;
  readonly spec: { readonly storageClassName?: string };
  readonly status: { readonly phase: string };
}

const volumes = "/api/v1/persistentvolumes";
const selectedNode = "volume.kubernetes.io/selected-node";
const zoneLabel = "topology.kubernetes.io/zone";
const turnMilliseconds = 500;

export interface StagehandOptions {
  readonly settings: AwsSettings;
  /** Data folder of the embedded cluster. */
  readonly dir: string;
  /** Whether GPU groups grow too. Otherwise what asks for a GPU waits, as where AWS has no capacity. */
  readonly growGpus?: boolean;
  /** Told of every node that is added, and for which pod. */
  readonly onNode?: (group: string, pod: string) => void;
}

/** A cluster on which the parts that EC2 and EKS play are played. */
export interface Stagehand {
  readonly api: ApiClient;
  /** Nodes by group. */
  readonly counts: Readonly<Record<string, number>>;
  /** Makes nodes of a group come or go. */
  setNodes(group: string, count: number): Promise<void>;
  /** Rejects when a part cannot be played any more. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

/**
 * Starts an embedded cluster whose nodes have the shape of the stack's, with the pods of EKS's add-ons, and
 * plays what runs in AWS: the EBS driver (a volume in the zone of the pod that wants it) and cluster-autoscaler.
 */
export async function startStagehand(options: StagehandOptions): Promise<Stagehand> {
  const { settings, dir } = options;
  const groups = groupsOf(settings);
  const counts: Record<string, number> = Object.fromEntries(groups.map(({ name, min }) => [name, min]));
  const reconcile = () => start({ dir, nodes: describeNodes(settings, counts), services: false });
  await reconcile();
  const layout = layoutOf(dir);
  const api = createApiClient({ port: readPorts(layout)["kube-apiserver"] ?? 0, ...adminAccess(layout) });
  for (const { collection, name, manifest } of addonObjects())
    await api.apply({ collection, name }, manifest);

  const setNodes = async (group: string, count: number): Promise<void> => {
    counts[group] = count;
    await reconcile();
  };
  const grow = async (): Promise<void> => {
    const pods = await listPods(api);
    const growing = groups.filter(({ tainted }) => !tainted || options.growGpus === true);
    for (const pod of pods.filter((one) => unschedulable(one) !== undefined)) {
      const group = groupFor(pod, growing, counts);
      if (group === undefined) continue;
      options.onNode?.(group.name, addressOf(pod));
      await setNodes(group.name, (counts[group.name] ?? 0) + 1);
      // The scheduler first: the new node may have room for the others too.
      return;
    }
  };

  let stopped = false;
  const turns = async (): Promise<never> => {
    while (!stopped) {
      await playDriver(api);
      await grow();
      await new Promise((resolve) => setTimeout(resolve, turnMilliseconds));
    }
    return new Promise<never>(() => {});
  };
  const failed = turns();
  failed.catch(() => {}); // reported to who awaits it
  return {
    api,
    counts,
    setNodes,
    failed,
    stop: async () => {
      stopped = true;
      api.close();
    },
  };
}

export async function listPods(api: ApiClient): Promise<readonly Pod[]> {
  return (await api.get<List<Pod>>("/api/v1/pods"))?.items ?? [];
}

export async function listNodes(api: ApiClient): Promise<readonly Node[]> {
  return (await api.get<List<Node>>("/api/v1/nodes"))?.items ?? [];
}

interface Workload {
  readonly metadata: Metadata;
  readonly spec: { readonly replicas?: number; readonly template: Pick<Pod, "metadata" | "spec"> };
}

/** Workloads with 0 replicas, and a pod of each as it would be. */
export async function listSleepers(api: ApiClient): Promise<readonly Sleeper[]> {
  const lists = ["deployments", "statefulsets"].map((kind) =>
    api.get<List<Workload>>(`/apis/apps/v1/${kind}`),
  );
  const workloads = (await Promise.all(lists)).flatMap((list) => list?.items ?? []);
  return workloads
    .filter(({ spec }) => spec.replicas === 0)
    .map(({ metadata, spec: { template } }) => ({
      address: addressOf({ metadata }),
      pod: { ...template, status: { phase: "" } },
    }));
}

/** Makes a volume for every claim whose pod has a node, and deletes those that nobody claims any more. */
async function playDriver(api: ApiClient): Promise<void> {
  const claims = (await api.get<List<Claim>>("/api/v1/persistentvolumeclaims"))?.items ?? [];
  const waiting = claims.filter(
    ({ metadata, spec, status }) =>
      spec.storageClassName === storageClassName &&
      status.phase === "Pending" &&
      metadata.annotations?.[selectedNode] !== undefined,
  );
  if (waiting.length > 0) {
    const nodes = await listNodes(api);
    for (const claim of waiting) {
      const node = nodes.find(({ metadata }) => metadata.name === claim.metadata.annotations?.[selectedNode]);
      const zone = node?.metadata.labels?.[zoneLabel];
      if (zone === undefined) continue;
      const name = `pvc-${claim.metadata.uid}`;
      await api.apply({ collection: volumes, name }, volumeFor(name, claim, zone));
    }
  }
  const made = (await api.get<List<Volume>>(volumes))?.items ?? [];
  for (const { metadata, spec, status } of made) {
    if (spec.storageClassName !== storageClassName || status.phase !== "Released") continue;
    await api.delete({ collection: volumes, name: metadata.name });
  }
}

function volumeFor(name: string, { metadata, spec }: Claim, zone: string): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name, annotations: { "pv.kubernetes.io/provisioned-by": "ebs.csi.aws.com" } },
    spec: {
      storageClassName,
      accessModes: spec.accessModes,
      capacity: { storage: spec.resources.requests.storage },
      persistentVolumeReclaimPolicy: "Delete",
      claimRef: {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        namespace: metadata.namespace,
        name: metadata.name,
        uid: metadata.uid,
      },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: zoneLabel, operator: "In", values: [zone] }] }],
        },
      },
      // Never mounted; like an EBS volume, it is of one zone.
      local: { path: `/rehearsed/${name}` },
    },
  };
}
