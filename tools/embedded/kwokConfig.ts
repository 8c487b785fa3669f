import { stringify } from "yaml";
import { loadBalancerAddress } from "./network.ts";

/** A KWOK Stage: an object that matches all `selector` expressions gets the status of `template`. */
interface Stage {
  readonly name: string;
  readonly apiGroup: string;
  readonly kind: string;
  readonly selector: readonly MatchExpression[];
  readonly delaySeconds?: number;
  readonly next: object;
}

interface MatchExpression {
  /** A jq expression; results that are null do not count. */
  readonly key: string;
  readonly operator: "Exists" | "DoesNotExist" | "In" | "NotIn";
  readonly values?: readonly string[];
}

const isAlive: MatchExpression = { key: ".metadata.deletionTimestamp", operator: "DoesNotExist" };

/**
 * Containers of a pod as a kubelet reports them once all run. After KWOK v0.7.0's kustomize/stage/pod/fast,
 * with `started` set on running containers too, as a real kubelet does.
 */
const runningStatus = `
{{ $now := Now }}
conditions:
{{ range $type := list "PodReadyToStartContainers" "Initialized" "Ready" "ContainersReady" }}
- lastTransitionTime: {{ $now | Quote }}
  status: "True"
  type: {{ $type | Quote }}
{{ end }}
{{ range .spec.readinessGates }}
- lastTransitionTime: {{ $now | Quote }}
  status: "True"
  type: {{ .conditionType | Quote }}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: true
  started: true
  restartCount: 0
  state:
    running:
      startedAt: {{ $now | Quote }}
{{ end }}
initContainerStatuses:
{{ range .spec.initContainers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: true
  restartCount: 0
  {{ if eq .restartPolicy "Always" }}
  started: true
  state:
    running:
      startedAt: {{ $now | Quote }}
  {{ else }}
  started: false
  state:
    terminated:
      exitCode: 0
      finishedAt: {{ $now | Quote }}
      reason: Completed
      startedAt: {{ $now | Quote }}
  {{ end }}
{{ end }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ PodIPWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) | Quote }}
phase: Running
startTime: {{ $now | Quote }}
`;

/** Containers of a pod that has done its work. */
const succeededStatus = `
{{ $now := Now }}
conditions:
{{ range $type := list "Ready" "ContainersReady" }}
- lastTransitionTime: {{ $now | Quote }}
  reason: PodCompleted
  status: "False"
  type: {{ $type | Quote }}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: false
  restartCount: 0
  started: false
  state:
    terminated:
      exitCode: 0
      finishedAt: {{ $now | Quote }}
      reason: Completed
      startedAt: {{ $now | Quote }}
{{ end }}
phase: Succeeded
`;

const loadBalancerStatus = `
loadBalancer:
  ingress:
  - ip: ${loadBalancerAddress}
`;

function podStages(startDelaySeconds: number): Stage[] {
  const pod = { apiGroup: "v1", kind: "Pod" };
  return [
    {
      ...pod,
      name: "pod-ready",
      selector: [isAlive, { key: ".status.podIP", operator: "DoesNotExist" }],
      delaySeconds: startDelaySeconds,
      next: { statusTemplate: runningStatus },
    },
    {
      ...pod,
      name: "pod-complete",
      selector: [
        isAlive,
        { key: ".status.phase", operator: "In", values: ["Running"] },
        // Pods of Jobs, and the pods of Helm hooks and tests, are expected to end; others run on.
        {
          key: '.metadata | (.ownerReferences // [] | .[] | select(.kind == "Job")), (.annotations // {} | .["helm.sh/hook"])',
          operator: "Exists",
        },
      ],
      next: { statusTemplate: succeededStatus },
    },
    {
      ...pod,
      name: "pod-delete",
      selector: [{ key: ".metadata.deletionTimestamp", operator: "Exists" }],
      // Controllers that would remove their own finalizers are mostly simulated here.
      next: { finalizers: { empty: true }, delete: true },
    },
  ];
}

const networkStages: readonly Stage[] = [
  {
    name: "service-load-balancer",
    apiGroup: "v1",
    kind: "Service",
    selector: [
      isAlive,
      { key: ".spec.type", operator: "In", values: ["LoadBalancer"] },
      { key: ".status.loadBalancer.ingress", operator: "DoesNotExist" },
    ],
    next: { statusTemplate: loadBalancerStatus },
  },
  {
    name: "ingress-load-balancer",
    apiGroup: "networking.k8s.io/v1",
    kind: "Ingress",
    selector: [isAlive, { key: ".status.loadBalancer.ingress", operator: "DoesNotExist" }],
    next: { statusTemplate: loadBalancerStatus },
  },
];

/**
 * KWOK's configuration file: how pods, load balancers and ingresses live on simulated nodes. Nodes keep
 * KWOK's own stages.
 *
 * @param podStartDelay Seconds until a scheduled pod runs, as if its images were being pulled.
 * @param simulatedLog Path of the text that `kubectl logs` prints for any container.
 */
export function kwokConfig(podStartDelay: number, simulatedLog: string): string {
  const stages = [...podStages(podStartDelay), ...networkStages].map(stageObject);
  const logs = {
    apiVersion: "kwok.x-k8s.io/v1alpha1",
    kind: "ClusterLogs",
    metadata: { name: "simulated" },
    spec: { logs: [{ logsFile: simulatedLog }] },
  };
  return [...stages, logs].map((object) => stringify(object)).join("---\n");
}

function stageObject(stage: Stage): object {
  const delay = stage.delaySeconds ?? 0;
  return {
    apiVersion: "kwok.x-k8s.io/v1alpha1",
    kind: "Stage",
    metadata: { name: stage.name },
    spec: {
      resourceRef: { apiGroup: stage.apiGroup, kind: stage.kind },
      selector: { matchExpressions: stage.selector },
      ...(delay === 0 ? {} : { delay: { durationMilliseconds: Math.round(delay * 1000) } }),
      next: stage.next,
    },
  };
}

/** Content of the simulated log, in the format of container runtimes. */
export const simulatedLogContent =
  "2000-01-01T00:00:00.000000000Z stdout F This container is simulated: it never ran and has no output.\n";
