import type { ObjectRef } from "./apiClient.ts";

/** Name of the default StorageClass. */
export const storageClassName = "standard";

/** An object to apply, and where. */
export interface Manifest {
  readonly ref: ObjectRef;
  readonly object: object;
}

/**
 * A pod volume is a folder on this host, made by the controller-manager's own provisioner when the first
 * pod that wants it is scheduled, as on k3s and EKS.
 */
const storageClass: Manifest = {
  ref: { collection: "/apis/storage.k8s.io/v1/storageclasses", name: storageClassName },
  object: {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: {
      name: storageClassName,
      annotations: { "storageclass.kubernetes.io/is-default-class": "true" },
    },
    provisioner: "kubernetes.io/host-path",
    reclaimPolicy: "Delete",
    volumeBindingMode: "WaitForFirstConsumer",
  },
};

/** What KWOK does: play kubelets, and give load balancers and ingresses a status. */
const kwokRole: Manifest = {
  ref: { collection: "/apis/rbac.authorization.k8s.io/v1/clusterroles", name: "mlops:kwok" },
  object: {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: { name: "mlops:kwok" },
    rules: [
      { apiGroups: [""], resources: ["nodes", "services"], verbs: ["get", "list", "watch"] },
      {
        apiGroups: [""],
        resources: ["pods"],
        verbs: ["get", "list", "watch", "patch", "update", "delete"],
      },
      {
        apiGroups: [""],
        resources: ["nodes/status", "pods/status", "services/status"],
        verbs: ["patch", "update"],
      },
      { apiGroups: [""], resources: ["events"], verbs: ["create", "patch", "update"] },
      { apiGroups: ["networking.k8s.io"], resources: ["ingresses"], verbs: ["get", "list", "watch"] },
      { apiGroups: ["networking.k8s.io"], resources: ["ingresses/status"], verbs: ["patch", "update"] },
      {
        apiGroups: ["coordination.k8s.io"],
        resources: ["leases"],
        verbs: ["get", "list", "watch", "create", "patch", "update"],
      },
    ],
  },
};

const kwokBinding: Manifest = {
  ref: { collection: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", name: "mlops:kwok" },
  object: {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: "mlops:kwok" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "mlops:kwok" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "mlops:kwok" }],
  },
};

interface NeutralizingPolicy {
  readonly name: string;
  readonly apiGroup: string;
  readonly resource: string;
  /** CEL: which objects are changed. */
  readonly condition: string;
  /** CEL: the JSON patch. */
  readonly patch: string;
}

/**
 * API groups and conversions that simulated pods would have to serve. An unanswered APIService makes
 * discovery fail, and with it every deletion of a namespace; an unanswered conversion webhook makes the
 * custom resources of its kind unreadable. Refusing such objects would fail the release of their chart
 * (metrics-server, KEDA, prometheus-adapter), so they are accepted without the part that needs an answer:
 * the group exists and is empty, and versions are converted by name only.
 */
const neutralizingPolicies: readonly NeutralizingPolicy[] = [
  {
    name: "mlops-embedded-apiservices",
    apiGroup: "apiregistration.k8s.io",
    resource: "apiservices",
    condition: "has(object.spec.service)",
    patch: `[JSONPatch{op: "remove", path: "/spec/service"}]
      + (has(object.spec.caBundle) ? [JSONPatch{op: "remove", path: "/spec/caBundle"}] : [])
      + (has(object.spec.insecureSkipTLSVerify)
        ? [JSONPatch{op: "remove", path: "/spec/insecureSkipTLSVerify"}] : [])`,
  },
  {
    name: "mlops-embedded-conversions",
    apiGroup: "apiextensions.k8s.io",
    resource: "customresourcedefinitions",
    condition: 'has(object.spec.conversion) && object.spec.conversion.strategy == "Webhook"',
    patch: `[JSONPatch{op: "replace", path: "/spec/conversion", value: {"strategy": "None"}}]`,
  },
];

const ADMISSION = "/apis/admissionregistration.k8s.io/v1beta1";

function policyManifests(policy: NeutralizingPolicy): Manifest[] {
  const { name } = policy;
  return [
    {
      ref: { collection: `${ADMISSION}/mutatingadmissionpolicies`, name },
      object: {
        apiVersion: "admissionregistration.k8s.io/v1beta1",
        kind: "MutatingAdmissionPolicy",
        metadata: { name },
        spec: {
          failurePolicy: "Fail",
          reinvocationPolicy: "Never",
          matchConstraints: {
            resourceRules: [
              {
                apiGroups: [policy.apiGroup],
                apiVersions: ["v1"],
                operations: ["CREATE", "UPDATE"],
                resources: [policy.resource],
              },
            ],
          },
          matchConditions: [{ name: "served-by-a-pod", expression: policy.condition }],
          mutations: [{ patchType: "JSONPatch", jsonPatch: { expression: policy.patch } }],
        },
      },
    },
    {
      ref: { collection: `${ADMISSION}/mutatingadmissionpolicybindings`, name },
      object: {
        apiVersion: "admissionregistration.k8s.io/v1beta1",
        kind: "MutatingAdmissionPolicyBinding",
        metadata: { name },
        spec: { policyName: name },
      },
    },
  ];
}

/** What every embedded cluster holds from its start. */
export const clusterManifests: readonly Manifest[] = [
  kwokRole,
  kwokBinding,
  storageClass,
  ...neutralizingPolicies.flatMap(policyManifests),
];

/**
 * An APIService that a pod would serve. Created with `dryRun` it shows whether the policies above are in
 * force: the API server takes them up some time after they are stored.
 */
export const probeApiService = {
  apiVersion: "apiregistration.k8s.io/v1",
  kind: "APIService",
  metadata: { name: "v1.probe.mlops.dev" },
  spec: {
    group: "probe.mlops.dev",
    version: "v1",
    groupPriorityMinimum: 100,
    versionPriority: 100,
    insecureSkipTLSVerify: true,
    service: { name: "probe", namespace: "default" },
  },
} as const;
