/** Pods that EKS add-ons run, which take room on every node before the platform comes. */

interface Addon {
  readonly kind: "Deployment" | "DaemonSet";
  readonly name: string;
  readonly replicas?: number;
  /** Requests of all its containers together. */
  readonly cpu: string;
  readonly memory?: string;
  /** Runs on GPU nodes too. */
  readonly everywhere?: true;
}

/**
 * What the add-ons of components/aws/versions.ts ask for, by their charts' defaults: amazon-vpc-cni with its
 * network policy agent, kube-proxy as EKS sets it, aws-ebs-csi-driver (six and three containers of 10m and
 * 40Mi), coredns and metrics-server.
 */
const addons: readonly Addon[] = [
  { kind: "DaemonSet", name: "aws-node", cpu: "50m", everywhere: true },
  { kind: "DaemonSet", name: "kube-proxy", cpu: "100m", everywhere: true },
  { kind: "DaemonSet", name: "ebs-csi-node", cpu: "30m", memory: "120Mi", everywhere: true },
  { kind: "Deployment", name: "ebs-csi-controller", replicas: 2, cpu: "60m", memory: "240Mi" },
  { kind: "Deployment", name: "coredns", replicas: 2, cpu: "100m", memory: "70Mi" },
  { kind: "Deployment", name: "metrics-server", replicas: 2, cpu: "100m", memory: "200Mi" },
];

export interface AddonObject {
  readonly collection: string;
  readonly name: string;
  readonly manifest: object;
}

/** The add-ons as objects of kube-system; their containers only wait. */
export function addonObjects(): AddonObject[] {
  return addons.map(({ kind, name, replicas, cpu, memory, everywhere }) => {
    const labels = { "k8s-app": name };
    const requests = { cpu, ...(memory === undefined ? {} : { memory }) };
    return {
      collection: `/apis/apps/v1/namespaces/kube-system/${kind.toLowerCase()}s`,
      name,
      manifest: {
        apiVersion: "apps/v1",
        kind,
        metadata: { name, namespace: "kube-system" },
        spec: {
          ...(replicas === undefined ? {} : { replicas }),
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: {
              priorityClassName: everywhere ? "system-node-critical" : "system-cluster-critical",
              ...(everywhere ? { tolerations: [{ operator: "Exists" }] } : {}),
              containers: [{ name, image: "registry.k8s.io/pause:3.10", resources: { requests } }],
            },
          },
        },
      },
    };
  });
}
