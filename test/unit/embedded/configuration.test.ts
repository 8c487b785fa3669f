import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { controlPlane } from "../../../tools/embedded/controlPlane.ts";
import { kubeconfig } from "../../../tools/embedded/kubeconfig.ts";
import { kwokConfig } from "../../../tools/embedded/kwokConfig.ts";
import { layoutOf } from "../../../tools/embedded/layout.ts";
import { minioSpec, mlflowSpec, serviceHandover } from "../../../tools/embedded/services.ts";
import { examplePorts } from "./fixtures.ts";

const layout = layoutOf("/data/cluster");
const credentials = { minioAccessKey: "access-key-1", minioSecretKey: "secret-key-1" };
const parts = controlPlane({
  layout,
  ports: examplePorts,
  path: (file) => `/data/cluster/secrets/${file}`,
  binaries: {
    etcd: "/bin/etcd",
    "kube-apiserver": "/bin/kube-apiserver",
    "kube-controller-manager": "/bin/kube-controller-manager",
    "kube-scheduler": "/bin/kube-scheduler",
    kwok: "/bin/kwok",
  },
});
const services = [
  minioSpec("/bin/minio", layout, examplePorts, credentials),
  mlflowSpec("/venv/bin/python", layout, examplePorts, credentials),
];

describe("the control plane", () => {
  it("listens on loopback only, and etcd asks everyone for a certificate", () => {
    expect(parts["kube-apiserver"].args).toContain("--bind-address=127.0.0.1");
    expect(parts["kube-controller-manager"].args).toContain("--bind-address=127.0.0.1");
    expect(parts["kube-scheduler"].args).toContain("--bind-address=127.0.0.1");
    expect(parts.kwok.args).toContain(`--server-address=127.0.0.1:${examplePorts.kwok}`);
    const listens = parts.etcd.args.filter((flag) => flag.startsWith("--listen-"));
    expect(listens).toHaveLength(2);
    for (const flag of listens) expect(flag).toMatch(/=https:\/\/127\.0\.0\.1:\d+$/);
    expect(parts.etcd.args).toEqual(
      expect.arrayContaining(["--client-cert-auth=true", "--peer-client-cert-auth=true"]),
    );
  });

  it("is set so that real charts work", () => {
    const api = parts["kube-apiserver"].args;
    expect(api).toContain("--disable-admission-plugins=MutatingAdmissionWebhook,ValidatingAdmissionWebhook");
    expect(api).toContain("--authorization-mode=Node,RBAC");
    expect(api).toContain("--anonymous-auth=false");
    expect(api).toContain("--encryption-provider-config=/data/cluster/secrets/encryption.json");
    expect(parts["kube-controller-manager"].args).toContain("--enable-hostpath-provisioner=true");
    expect(parts.kwok.args).toContain("--node-lease-duration-seconds=40");
    expect(parts.kwok.args).toContain("--manage-nodes-with-label-selector=kwok.x-k8s.io/node=fake");
  });
});

describe("the services", () => {
  it("get their credentials by the environment, where other users cannot see them", () => {
    for (const { args, env } of services) {
      expect(args.join(" ")).not.toContain(credentials.minioSecretKey);
      expect(args.join(" ")).not.toContain(credentials.minioAccessKey);
      expect(Object.values(env)).toContain(credentials.minioSecretKey);
    }
  });

  it("are handed over under loopback addresses", () => {
    const { minio, mlflow } = serviceHandover(examplePorts, credentials);
    for (const url of [minio.endpoint, minio.consoleUrl, mlflow.url]) {
      expect(new URL(url).hostname).toBe("127.0.0.1");
    }
  });
});

interface StageDocument {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly resourceRef?: { readonly kind: string };
    readonly delay?: { readonly durationMilliseconds: number };
    readonly logs?: unknown;
  };
}

function documents(podStartDelay: number): StageDocument[] {
  return parseAllDocuments(kwokConfig(podStartDelay, layout.simulatedLog)).map(
    (document) => document.toJS() as StageDocument,
  );
}

describe("KWOK's configuration", () => {
  it("gives pods, load balancers and ingresses a life", () => {
    const kinds = documents(0).map(({ kind, spec }) => spec.resourceRef?.kind ?? kind);
    expect(kinds).toEqual(["Pod", "Pod", "Pod", "Service", "Ingress", "ClusterLogs"]);
  });

  it("delays the start of pods, and nothing else", () => {
    const delays = (seconds: number) =>
      documents(seconds).flatMap(({ metadata, spec }) =>
        spec.delay === undefined ? [] : [[metadata.name, spec.delay.durationMilliseconds]],
      );
    expect(delays(0)).toEqual([]);
    expect(delays(15)).toEqual([["pod-ready", 15_000]]);
    expect(delays(0.5)).toEqual([["pod-ready", 500]]);
  });
});

describe("kubeconfig", () => {
  it("names one context with server, authority and user", () => {
    const [document] = parseAllDocuments(kubeconfig("https://127.0.0.1:1", "PEM", "admin", { token: "t" }));
    expect(document?.toJS()).toMatchObject({
      "current-context": "mlops-embedded",
      clusters: [
        {
          cluster: {
            server: "https://127.0.0.1:1",
            "certificate-authority-data": Buffer.from("PEM").toString("base64"),
          },
        },
      ],
      users: [{ name: "admin", user: { token: "t" } }],
    });
  });
});
