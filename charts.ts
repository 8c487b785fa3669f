/**
 * The one table of pinned Helm charts. A version here is exact; a digest that nobody could check
 * yet is `unverified` and `make lock` fills it on a connected machine. What a chart and its operator
 * create when they run is recorded in charts/outlines (see tools/charts).
 */

export interface ChartSpec {
  /** Chart name, as its Chart.yaml has it. */
  readonly chart: string;
  /** `https://` repository, whole `oci://` reference, or `own` for a chart in charts/ of this project. */
  readonly repository: string;
  /** Exact version; a range is an error. */
  readonly version: string;
  /** SHA-256 of the chart archive (`sha256:<hex>`), or `unverified`. */
  readonly digest: string;
  readonly namespace: string;
  /** Seconds that the release may take until everything in it is ready. */
  readonly timeout: number;
  /** Charts that must be ready first. */
  readonly needs: readonly ChartName[];
  /** It brings CRDs, which go with it, and no pods: all that it waits for is that its namespace is there. */
  readonly crdsOnly?: true;
}

/** Charts of the platform itself; which of them a stack installs depends on its cluster. */
export type PlatformChartName =
  | "prometheus-operator-crds"
  | "kube-prometheus-stack"
  | "argo-cd"
  | "argo-workflows"
  | "minio"
  | "mlflow"
  | "kuberay-operator"
  | "ray-cluster"
  | "triton"
  | "vllm-stack"
  | "fake-gpu-operator";

/** Charts that only a cluster on AWS needs. */
export type AwsChartName =
  | "aws-load-balancer-controller"
  | "cert-manager"
  | "cluster-autoscaler"
  | "dcgm-exporter"
  | "external-dns"
  | "external-secrets"
  | "nvidia-device-plugin";

export type ChartName = PlatformChartName | AwsChartName;

const argo = "https://argoproj.github.io/argo-helm";
const kuberay = "https://ray-project.github.io/kuberay-helm";
const prometheusCommunity = "oci://ghcr.io/prometheus-community/charts";

export const charts: Readonly<Record<ChartName, ChartSpec>> = {
  // The CRDs are a chart of their own so that everything with a ServiceMonitor starts beside
  // Prometheus instead of after it, and so that upgrades reach them (Helm never upgrades crds/).
  "prometheus-operator-crds": {
    chart: "prometheus-operator-crds",
    repository: `${prometheusCommunity}/prometheus-operator-crds`,
    version: "31.0.1",
    digest: "unverified",
    namespace: "monitoring",
    timeout: 120,
    needs: [],
    // Nearly all other charts wait for it.
    crdsOnly: true,
  },
  "kube-prometheus-stack": {
    chart: "kube-prometheus-stack",
    repository: `${prometheusCommunity}/kube-prometheus-stack`,
    version: "88.5.3",
    digest: "unverified",
    namespace: "monitoring",
    timeout: 600,
    needs: ["prometheus-operator-crds"],
  },
  "argo-cd": {
    chart: "argo-cd",
    repository: argo,
    version: "10.1.1",
    digest: "unverified",
    namespace: "argocd",
    timeout: 600,
    needs: ["prometheus-operator-crds"],
  },
  "argo-workflows": {
    chart: "argo-workflows",
    repository: argo,
    version: "1.0.18",
    digest: "unverified",
    namespace: "argo",
    timeout: 600,
    needs: ["prometheus-operator-crds"],
  },
  minio: {
    chart: "minio",
    repository: "https://charts.min.io",
    version: "5.4.0",
    digest: "unverified",
    namespace: "minio",
    timeout: 600,
    needs: ["prometheus-operator-crds"],
  },
  mlflow: {
    chart: "mlflow",
    repository: "https://community-charts.github.io/helm-charts",
    version: "1.11.5",
    digest: "unverified",
    namespace: "mlflow",
    timeout: 600,
    needs: ["prometheus-operator-crds"],
  },
  "kuberay-operator": {
    chart: "kuberay-operator",
    repository: kuberay,
    version: "1.6.2",
    digest: "unverified",
    namespace: "ray",
    timeout: 300,
    needs: ["prometheus-operator-crds"],
  },
  "ray-cluster": {
    chart: "ray-cluster",
    repository: kuberay,
    version: "1.6.2",
    digest: "unverified",
    namespace: "ray",
    timeout: 600,
    needs: ["kuberay-operator"],
  },
  triton: {
    chart: "triton",
    repository: "own",
    version: "0.1.0",
    digest: "own",
    namespace: "serving",
    timeout: 1800,
    needs: ["prometheus-operator-crds"],
  },
  "vllm-stack": {
    chart: "vllm-stack",
    repository: "https://vllm-project.github.io/production-stack",
    version: "0.1.12",
    digest: "unverified",
    namespace: "serving",
    timeout: 1800,
    needs: ["prometheus-operator-crds"],
  },
  "fake-gpu-operator": {
    chart: "fake-gpu-operator",
    repository: "oci://ghcr.io/run-ai/fake-gpu-operator/fake-gpu-operator",
    version: "0.2.0",
    digest: "unverified",
    namespace: "gpu-operator",
    timeout: 300,
    needs: [],
  },
  "aws-load-balancer-controller": {
    chart: "aws-load-balancer-controller",
    repository: "https://aws.github.io/eks-charts",
    version: "3.5.0",
    digest: "unverified",
    namespace: "aws-controllers",
    timeout: 300,
    needs: ["prometheus-operator-crds"],
  },
  "cluster-autoscaler": {
    chart: "cluster-autoscaler",
    repository: "https://kubernetes.github.io/autoscaler",
    version: "9.59.0",
    digest: "unverified",
    namespace: "aws-controllers",
    timeout: 300,
    needs: ["prometheus-operator-crds"],
  },
  "external-secrets": {
    chart: "external-secrets",
    repository: "https://charts.external-secrets.io",
    version: "2.9.0",
    digest: "unverified",
    namespace: "external-secrets",
    timeout: 300,
    needs: ["prometheus-operator-crds"],
  },
  "nvidia-device-plugin": {
    chart: "nvidia-device-plugin",
    repository: "https://nvidia.github.io/k8s-device-plugin",
    version: "0.20.0",
    digest: "unverified",
    namespace: "gpu-operator",
    timeout: 300,
    needs: [],
  },
  "dcgm-exporter": {
    chart: "dcgm-exporter",
    repository: "https://nvidia.github.io/dcgm-exporter/helm-charts",
    version: "4.8.2",
    digest: "unverified",
    namespace: "gpu-operator",
    timeout: 300,
    needs: ["prometheus-operator-crds"],
  },
  "external-dns": {
    chart: "external-dns",
    repository: "https://kubernetes-sigs.github.io/external-dns",
    version: "1.21.1",
    digest: "unverified",
    namespace: "aws-controllers",
    timeout: 300,
    // At destroy it takes the records away that the load balancers' removal makes pointless.
    needs: ["prometheus-operator-crds", "aws-load-balancer-controller"],
  },
  "cert-manager": {
    chart: "cert-manager",
    repository: "oci://quay.io/jetstack/charts/cert-manager",
    version: "v1.21.1",
    digest: "unverified",
    namespace: "cert-manager",
    timeout: 300,
    needs: ["prometheus-operator-crds"],
  },
};

/** A chart table that cannot be installed as it stands. */
export class ChartTableError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`charts.ts: ${problems.length} problem(s)\n${problems.map((p) => `  - ${p}`).join("\n")}`);
    this.name = "ChartTableError";
    this.problems = problems;
  }
}

const exactVersion = /^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;

/**
 * Orders the selected charts so that each comes after what it needs.
 *
 * @throws ChartTableError listing every version range, need that is not selected, and cycle.
 */
export function installOrder<Name extends string>(
  table: Readonly<Record<Name, ChartSpec>>,
  selected: readonly Name[],
): Name[] {
  const problems: string[] = [];
  const chosen = new Set<string>(selected);
  for (const name of selected) {
    const spec = table[name];
    if (!exactVersion.test(spec.version)) {
      problems.push(`${name}: version "${spec.version}" is not exact; write it as MAJOR.MINOR.PATCH`);
    }
    for (const need of spec.needs) {
      if (!chosen.has(need)) problems.push(`${name} needs ${need}, which is not installed on this stack`);
    }
  }
  const ordered: Name[] = [];
  const state = new Map<string, "visiting" | "done">();
  const visit = (name: Name, path: readonly string[]): void => {
    if (state.get(name) === "done") return;
    if (state.get(name) === "visiting") {
      problems.push(`cycle: ${[...path.slice(path.indexOf(name)), name].join(" -> ")}`);
      return;
    }
    state.set(name, "visiting");
    for (const need of table[name].needs as readonly string[]) {
      if (chosen.has(need)) visit(need as Name, [...path, name]);
    }
    state.set(name, "done");
    ordered.push(name);
  };
  for (const name of selected) visit(name, []);
  if (problems.length > 0) throw new ChartTableError(problems);
  return ordered;
}
