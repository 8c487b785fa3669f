/** Grafana's dashboard of the platform: what each system uses, and whether it answers. */

interface Panel {
  readonly title: string;
  /** PromQL. */
  readonly query: string;
  readonly legend: string;
  /** Grafana unit id. */
  readonly unit: string;
}

const namespaces = "argocd|argo|minio|mlflow|monitoring|pipelines|ray|serving";

const panels: readonly Panel[] = [
  {
    title: "Scrape targets that do not answer",
    query: "sum by (namespace, job) (up == bool 0) > 0",
    legend: "{{namespace}} {{job}}",
    unit: "short",
  },
  {
    title: "CPU used",
    query: `sum by (namespace) (rate(container_cpu_usage_seconds_total{namespace=~"${namespaces}", container!=""}[5m]))`,
    legend: "{{namespace}}",
    unit: "short",
  },
  {
    title: "Memory used",
    query: `sum by (namespace) (container_memory_working_set_bytes{namespace=~"${namespaces}", container!=""})`,
    legend: "{{namespace}}",
    unit: "bytes",
  },
  {
    title: "GPUs requested",
    query: 'sum by (namespace) (kube_pod_container_resource_requests{resource="nvidia_com_gpu"})',
    legend: "{{namespace}}",
    unit: "short",
  },
  {
    title: "Workflows by phase",
    query: "sum by (phase) (argo_workflows_gauge)",
    legend: "{{phase}}",
    unit: "short",
  },
  {
    title: "MLflow requests, 95th percentile",
    query: "histogram_quantile(0.95, sum by (le) (rate(mlflow_http_request_duration_seconds_bucket[5m])))",
    legend: "P95",
    unit: "s",
  },
  {
    title: "Triton inferences per second",
    query: "sum by (model) (rate(nv_inference_request_success[5m]))",
    legend: "{{model}}",
    unit: "reqps",
  },
  {
    title: "vLLM requests running and waiting",
    query: "sum by (__name__) ({__name__=~'vllm:num_requests_(running|waiting)'})",
    legend: "{{__name__}}",
    unit: "short",
  },
];

/** The dashboard's JSON model; two panels a row. Source of its fields: Grafana's dashboard JSON schema. */
export function platformDashboard(): object {
  const datasource = { type: "prometheus", uid: "prometheus" };
  return {
    uid: "mlops-platform",
    title: "MLOps platform",
    tags: ["mlops"],
    timezone: "browser",
    schemaVersion: 39,
    refresh: "1m",
    time: { from: "now-6h", to: "now" },
    panels: panels.map((panel, index) => ({
      id: index + 1,
      type: "timeseries",
      title: panel.title,
      datasource,
      gridPos: { h: 8, w: 12, x: (index % 2) * 12, y: Math.floor(index / 2) * 8 },
      fieldConfig: { defaults: { unit: panel.unit }, overrides: [] },
      targets: [{ refId: "A", datasource, expr: panel.query, legendFormat: panel.legend }],
    })),
  };
}
