import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AwsChartName, ChartName } from "../../../charts.ts";
import { systems } from "../../../components/platform/systems.ts";
import { allowedFlows, checkTeams, type FlowArgs, namespacesOf } from "../../../components/tenancy/flows.ts";
import { networkPolicies } from "../../../components/tenancy/networkPolicies.ts";
import { type Flow, outside, type Peer, pods, tcp } from "../../../components/tenancy/peers.ts";
import { type Endpoint, reachable } from "../../../components/tenancy/reachability.ts";
import { cloud, embedded, k3d } from "../platform/contexts.ts";
import { endpoints, expected, type Name, openInside } from "./matrix.ts";

const platformCharts = Object.keys(systems) as ChartName[];
const awsChartNames: readonly AwsChartName[] = [
  "aws-load-balancer-controller",
  "cert-manager",
  "cluster-autoscaler",
  "dcgm-exporter",
  "external-dns",
  "external-secrets",
  "nvidia-device-plugin",
];
const local: FlowArgs = { target: k3d, teams: ["team-a", "team-b"], systems: platformCharts };
const onCloud: FlowArgs = {
  target: cloud,
  teams: ["team-a"],
  systems: platformCharts.filter((name) => name !== "minio" && name !== "fake-gpu-operator"),
};
const onAws: FlowArgs = {
  target: {
    ...cloud,
    ingress: { className: "alb", hostSuffix: "mlops.example.com" },
    networks: { controlPlane: ["10.0.0.0/18"], loadBalancers: ["10.0.192.0/22"] },
  },
  teams: ["team-a"],
  systems: [...onCloud.systems, ...awsChartNames],
};

const policiesOf = (args: FlowArgs) => networkPolicies(namespacesOf(args), allowedFlows(args));

/** Ports of the matrix, and some that nothing listens on. */
const probed = [...new Set(expected.map(([, , port]) => port)), 1, 53, 5432, 30090].sort((a, b) => a - b);

const wanted = new Set(expected.map(([from, to, port]) => `${from} -> ${to}:${port}`));

function unmanaged(endpoint: Endpoint): boolean {
  return "address" in endpoint || ["kube-system", "elsewhere"].includes(endpoint.namespace);
}

describe("reachability on k3d", () => {
  const policies = policiesOf(local);
  const names = Object.keys(endpoints) as Name[];

  it("is exactly the expected matrix", () => {
    const wrong: string[] = [];
    for (const from of names) {
      for (const to of names) {
        const [a, b]: [Endpoint, Endpoint] = [endpoints[from], endpoints[to]];
        if (unmanaged(a) && unmanaged(b)) continue;
        const together =
          "namespace" in a &&
          "namespace" in b &&
          a.namespace === b.namespace &&
          openInside.includes(a.namespace);
        for (const port of probed) {
          const key = `${from} -> ${to}:${port}`;
          const asked = to === "dns" && port === 53;
          if (reachable(policies, a, b, port) !== (together || asked || wanted.has(key))) wrong.push(key);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it("hands nobody the credentials of a node", () => {
    for (const from of names.filter((one) => !unmanaged(endpoints[one]))) {
      expect(reachable(policies, endpoints[from], endpoints.metadataService, 80), from).toBe(false);
      expect(reachable(policies, endpoints[from], endpoints.metadataService, 443), from).toBe(false);
    }
  });

  it("resolves names by UDP and TCP from everywhere", () => {
    for (const from of names.filter((one) => !unmanaged(endpoints[one]))) {
      expect(reachable(policies, endpoints[from], endpoints.dns, 53, "UDP"), from).toBe(true);
      expect(reachable(policies, endpoints[from], endpoints.dns, 53, "TCP"), from).toBe(true);
    }
  });

  it("misses a connection as soon as either of its policies is gone", () => {
    const connections: [Name, Name, number][] = [
      ["mlflow", "minio", 9000],
      ["teamA", "mlflow", 5000],
      ["ingress", "argocdServer", 8080],
      ["deploymentStep", "triton", 8000],
    ];
    for (const [from, to, port] of connections) {
      const without = policies.map((policy) => ({
        ...policy,
        spec: { ...policy.spec, ingress: [], egress: [] },
      }));
      expect(reachable(policies, endpoints[from], endpoints[to], port)).toBe(true);
      expect(reachable(without, endpoints[from], endpoints[to], port)).toBe(false);
    }
  });

  it("denies by default in every owned namespace, in both directions", () => {
    for (const namespace of namespacesOf(local)) {
      const policy = policies.find(
        (one) => one.metadata.namespace === namespace && one.metadata.name === "default",
      );
      expect(policy?.spec.podSelector, namespace).toEqual({});
      expect(policy?.spec.policyTypes, namespace).toEqual(["Ingress", "Egress"]);
    }
  });
});

describe("reachability elsewhere", () => {
  it("sends object store and database traffic outside on a cloud", () => {
    const policies = policiesOf(onCloud);
    expect(reachable(policies, endpoints.mlflow, endpoints.node, 5432)).toBe(true);
    expect(reachable(policies, endpoints.mlflow, endpoints.internet, 443)).toBe(true);
    expect(reachable(policies, endpoints.triton, endpoints.internet, 443)).toBe(true);
    expect(reachable(policies, endpoints.triton, endpoints.internet, 5432)).toBe(false);
  });

  it("opens the port of a store that somebody else runs", () => {
    const objectStore = { ...k3d.objectStore, endpoint: "https://s3.internal:8333" };
    const policies = policiesOf({ ...local, target: { ...k3d, objectStore, selfHostsObjectStore: false } });
    expect(reachable(policies, endpoints.mlflow, endpoints.node, 8333)).toBe(true);
    expect(reachable(policies, endpoints.mlflow, endpoints.minio, 9000)).toBe(false);
  });

  it("lets nothing in from an Ingress controller where there is no Ingress", () => {
    const policies = policiesOf({ ...local, target: embedded });
    expect(reachable(policies, endpoints.ingress, endpoints.mlflow, 5000)).toBe(false);
  });

  it("refuses an Ingress class whose controller nobody located", () => {
    const target = { ...k3d, ingress: { className: "haproxy", hostSuffix: "localhost" } };
    expect(() => allowedFlows({ ...local, target })).toThrow('ingress class "haproxy"');
  });

  it("makes no policy for systems that are not installed", () => {
    const policies = policiesOf({
      ...onCloud,
      systems: onCloud.systems.filter((one) => one !== "vllm-stack"),
    });
    const text = JSON.stringify(policies);
    expect(text).not.toContain("minio");
    expect(text).not.toContain("gpu-operator");
    expect(text).not.toContain("mlops.dev/engine");
  });
});

describe("reachability on AWS", () => {
  const policies = policiesOf(onAws);
  const name = (value: string): Record<string, string> => ({ "app.kubernetes.io/name": value });
  const loadBalancers: Endpoint = {
    namespace: "aws-controllers",
    labels: name("aws-load-balancer-controller"),
  };
  const secrets: Endpoint = { namespace: "external-secrets", labels: name("external-secrets") };
  const secretsWebhook: Endpoint = { ...secrets, labels: name("external-secrets-webhook") };
  const databaseUser: Endpoint = { ...secrets, labels: { "mlops.dev/role": "database-user" } };
  const certificates: Endpoint = { namespace: "cert-manager", labels: name("cert-manager") };
  const controlPlane: Endpoint = { address: "10.0.1.17" };
  const loadBalancer: Endpoint = { address: "10.0.192.7" };
  const can = (from: Endpoint, to: Endpoint, port: number) => reachable(policies, from, to, port);

  it("lets every controller with a role ask AWS and the API server, and nothing else outside", () => {
    for (const from of [loadBalancers, secrets, certificates]) {
      expect(can(from, endpoints.internet, 443)).toBe(true);
      expect(can(from, endpoints.internet, 80)).toBe(false);
      expect(can(from, endpoints.metadataService, 80)).toBe(false);
    }
  });

  it("lets the Job that makes MLflow's user reach the database, and its neighbours not", () => {
    expect(can(databaseUser, endpoints.node, 5432)).toBe(true);
    expect(can(secrets, endpoints.node, 5432)).toBe(false);
  });

  it("lets the API server call webhooks, and nobody from elsewhere", () => {
    for (const [to, port] of [
      [loadBalancers, 9443],
      [secretsWebhook, 10250],
      [{ ...certificates, labels: name("webhook") }, 10250],
    ] as const) {
      expect(can(controlPlane, to, port)).toBe(true);
      expect(can(endpoints.internet, to, port)).toBe(false);
      expect(can(endpoints.teamA, to, port)).toBe(false);
    }
    expect(can(controlPlane, secrets, 10250)).toBe(false);
  });

  it("lets the load balancer's addresses reach dashboards, and them only", () => {
    expect(can(loadBalancer, endpoints.mlflow, 5000)).toBe(true);
    expect(can(loadBalancer, endpoints.grafana, 3000)).toBe(true);
    expect(can(loadBalancer, endpoints.triton, 8000)).toBe(false);
    expect(can(endpoints.internet, endpoints.mlflow, 5000)).toBe(false);
    expect(can(controlPlane, endpoints.mlflow, 5000)).toBe(false);
  });

  it("lets Prometheus read what the controllers measure", () => {
    expect(can(endpoints.prometheus, loadBalancers, 8080)).toBe(true);
    expect(can(endpoints.prometheus, secrets, 8080)).toBe(true);
    const dcgm = { namespace: "gpu-operator", labels: name("dcgm-exporter") };
    expect(can(endpoints.prometheus, dcgm, 9400)).toBe(true);
  });
});

describe("checkTeams", () => {
  it("lists every name that is taken or given twice", () => {
    expect(() => checkTeams(["team-a", "argocd", "pipelines", "kube-system", "team-a"])).toThrow(
      /argocd[\s\S]*pipelines[\s\S]*kube-system[\s\S]*team-a" is listed twice/,
    );
    expect(() => checkTeams(["team-a", "team-b"])).not.toThrow();
  });
});

describe("networkPolicies", () => {
  const namespace = fc.constantFrom("a", "b", "c");
  const label = fc.constantFrom({}, { role: "x" }, { role: "y" });
  const pod = fc.record({ namespace, labels: label });
  const port = fc.constantFrom(80, 443);
  const flow = fc.record({
    from: pod,
    to: fc.oneof(pod, fc.constant(outside as Peer)),
    ports: fc.array(port, { maxLength: 2 }).map((ports) => tcp(...ports)),
  });

  const covers = (peer: Peer, endpoint: Endpoint): boolean => {
    if ("cidr" in peer) return "address" in endpoint;
    if ("address" in endpoint || peer.namespace !== endpoint.namespace) return false;
    return Object.entries(peer.labels).every(([key, value]) => endpoint.labels?.[key] === value);
  };

  it("allow a connection between pods if and only if some flow on each side does", () => {
    fc.assert(
      fc.property(fc.array(flow, { maxLength: 8 }), pod, pod, port, (flows, from, to, at) => {
        const policies = networkPolicies(["a", "b", "c"], flows as Flow[]);
        const matches = (one: Flow): boolean =>
          one.ports.length === 0 || one.ports.some((allowed) => allowed.port === at);
        const sent = flows.some((one) => covers(one.from, from) && covers(one.to, to) && matches(one));
        expect(reachable(policies, from, to, at)).toBe(sent);
      }),
    );
  });

  it("names policies once in each namespace", () => {
    const policies = policiesOf(local);
    const names = policies.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    for (const { metadata } of policies) expect(metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
  });

  it("leaves out what is not owned", () => {
    const policies = networkPolicies(["a"], [{ from: pods("a"), to: pods("b"), ports: tcp(80) }]);
    expect(policies.map(({ metadata }) => metadata.namespace)).toEqual(["a"]);
  });
});
