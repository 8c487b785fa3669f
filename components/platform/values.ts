/** Building blocks that the values of several charts share. */
import type { ObjectStore, TargetFacts } from "../target.ts";

/** CPU and memory as Kubernetes quantities. */
export interface Amount {
  readonly cpu: string;
  readonly memory: string;
}

export interface ContainerResources {
  readonly requests: Amount;
  readonly limits: Amount;
}

/** Resources of one container: what the scheduler reserves, and where the kubelet stops it. */
export function resources(requests: Amount, limits: Amount): ContainerResources {
  return { requests, limits };
}

/** Pod-level fields that the `restricted` Pod Security level asks for. */
export const restrictedPod = {
  runAsNonRoot: true,
  seccompProfile: { type: "RuntimeDefault" },
} as const;

/** Container-level fields that the `restricted` Pod Security level asks for. */
export const restrictedContainer = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
} as const;

/** Host name under which a service is exposed, or undefined where the target exposes nothing. */
export function hostOf(target: TargetFacts, service: string): string | undefined {
  return target.ingress === undefined ? undefined : `${service}.${target.ingress.hostSuffix}`;
}

/** What every Ingress of the target carries, as charts take it; nothing where the target asks for nothing. */
export function ingressAnnotations({ ingress }: TargetFacts): {
  annotations?: Readonly<Record<string, string>>;
} {
  return ingress?.annotations === undefined ? {} : { annotations: ingress.annotations };
}

/** The object store's endpoint in parts, for charts that do not take a URL. */
export interface EndpointParts {
  /** Host, with the port where the URL has one. */
  readonly authority: string;
  readonly tls: boolean;
}

/**
 * Splits the endpoint of a self-hosted or S3-compatible store.
 *
 * @throws Error naming the endpoint when it is no http or https URL, because charts would otherwise
 *   accept it and every pod would fail at its first request.
 */
export function endpointParts(objectStore: ObjectStore): EndpointParts | undefined {
  if (objectStore.endpoint === undefined) return undefined;
  const match = /^(https?):\/\/([^/\s]+)\/?$/.exec(objectStore.endpoint);
  if (match?.[2] === undefined) {
    throw new Error(`object store endpoint "${objectStore.endpoint}": write it as http(s)://host[:port]`);
  }
  return { authority: match[2], tls: match[1] === "https" };
}

/** Labels by which every pod with a GPU says whose it is and what it waits for: a rule of the policies. */
export function gpuPodLabels(queue: string): Record<string, string> {
  return { "mlops.dev/owner": "platform", "mlops.dev/queue": queue };
}

/** Environment variable of a container. */
export interface EnvironmentVariable {
  readonly name: string;
  readonly value: string;
}

/** What AWS SDKs need to find the object store; credentials come by Secret or service account. */
export function objectStoreEnvironment(objectStore: ObjectStore): EnvironmentVariable[] {
  const region = { name: "AWS_DEFAULT_REGION", value: objectStore.region };
  if (objectStore.endpoint === undefined) return [region];
  return [region, { name: "AWS_ENDPOINT_URL", value: objectStore.endpoint }];
}
