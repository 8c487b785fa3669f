import { basename } from "node:path";
import type { Credentials } from "./credentials.ts";
import type { Layout } from "./layout.ts";
import { advertisedAddress, podRange, serviceRange } from "./network.ts";
import { simulatedNodeLabel } from "./nodes.ts";
import type { Ports } from "./ports.ts";
import type { ProcessSpec } from "./process.ts";

/** Executables of the control plane, in the order in which they start. */
export const controlPlaneBinaries = [
  "etcd",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kwok",
] as const;

export type ControlPlanePart = (typeof controlPlaneBinaries)[number];

export interface ControlPlaneArgs {
  readonly layout: Layout;
  readonly ports: Ports;
  readonly path: Credentials["path"];
  readonly binaries: Readonly<Record<ControlPlanePart, string>>;
}

type Flags = Readonly<Record<string, string | number | boolean>>;

/** Admission webhooks point at pods, which do not answer here: Kueue's once blocked every Deployment. */
const disabledAdmission = "MutatingAdmissionWebhook,ValidatingAdmissionWebhook";

/** How the parts of the control plane are run. All listen on 127.0.0.1 only. */
export function controlPlane(args: ControlPlaneArgs): Record<ControlPlanePart, ProcessSpec> {
  const { path, layout } = args;
  const spec = (name: ControlPlanePart, flags: Flags, inputs: readonly string[]): ProcessSpec => ({
    name,
    command: args.binaries[name],
    args: Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`),
    env: {},
    inputs,
  });
  return {
    etcd: spec("etcd", etcdFlags(args), ["etcd.crt", "etcd-ca.crt"].map(path)),
    "kube-apiserver": spec(
      "kube-apiserver",
      apiServerFlags(args),
      ["kube-apiserver.crt", "etcd-client.crt", "ca.crt", "tokens.csv", "encryption.json"].map(path),
    ),
    "kube-controller-manager": spec(
      "kube-controller-manager",
      controllerManagerFlags(args),
      ["kube-controller-manager.crt", "kube-controller-manager.kubeconfig"].map(path),
    ),
    "kube-scheduler": spec(
      "kube-scheduler",
      componentFlags(args, "kube-scheduler"),
      ["kube-scheduler.crt", "kube-scheduler.kubeconfig"].map(path),
    ),
    kwok: spec("kwok", kwokFlags(args), [path("kwok.crt"), path("kwok.kubeconfig"), layout.kwokConfig]),
  };
}

function etcdFlags({ layout, ports, path }: ControlPlaneArgs): Flags {
  const peer = `https://127.0.0.1:${ports["etcd-peer"]}`;
  const client = `https://127.0.0.1:${ports.etcd}`;
  const tls = {
    "cert-file": path("etcd.crt"),
    "key-file": path("etcd.key"),
    "trusted-ca-file": path("etcd-ca.crt"),
  };
  return {
    name: "default",
    "data-dir": layout.etcdData,
    "listen-client-urls": client,
    "advertise-client-urls": client,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": `default=${peer}`,
    ...tls,
    "client-cert-auth": true,
    ...Object.fromEntries(Object.entries(tls).map(([flag, value]) => [`peer-${flag}`, value])),
    "peer-client-cert-auth": true,
    "auto-compaction-retention": "30m",
    "log-level": "warn",
  };
}

function apiServerFlags({ ports, path }: ControlPlaneArgs): Flags {
  return {
    "etcd-servers": `https://127.0.0.1:${ports.etcd}`,
    "etcd-cafile": path("etcd-ca.crt"),
    "etcd-certfile": path("etcd-client.crt"),
    "etcd-keyfile": path("etcd-client.key"),
    "bind-address": "127.0.0.1",
    "secure-port": ports["kube-apiserver"],
    "advertise-address": advertisedAddress,
    "tls-cert-file": path("kube-apiserver.crt"),
    "tls-private-key-file": path("kube-apiserver.key"),
    "client-ca-file": path("ca.crt"),
    "token-auth-file": path("tokens.csv"),
    "anonymous-auth": false,
    "authorization-mode": "Node,RBAC",
    "enable-admission-plugins": "NodeRestriction",
    "disable-admission-plugins": disabledAdmission,
    // See the policies in manifests.ts.
    "feature-gates": "MutatingAdmissionPolicy=true",
    "runtime-config": "admissionregistration.k8s.io/v1beta1=true",
    "encryption-provider-config": path("encryption.json"),
    "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
    "service-account-key-file": path("service-account.pub"),
    "service-account-signing-key-file": path("service-account.key"),
    "service-cluster-ip-range": serviceRange,
    // Simulated nodes have an internal name, at which KWOK answers for their kubelets; real ones have none.
    "kubelet-preferred-address-types": "InternalDNS,InternalIP,Hostname",
    "allow-privileged": true,
    profiling: false,
  };
}

function controllerManagerFlags(args: ControlPlaneArgs): Flags {
  const { path } = args;
  return {
    ...componentFlags(args, "kube-controller-manager"),
    "use-service-account-credentials": true,
    "service-account-private-key-file": path("service-account.key"),
    "root-ca-file": path("ca.crt"),
    "cluster-signing-cert-file": path("ca.crt"),
    "cluster-signing-key-file": path("ca.key"),
    "service-cluster-ip-range": serviceRange,
    "enable-hostpath-provisioner": true,
  };
}

/** What the controller-manager and the scheduler have in common. */
function componentFlags(
  { ports, path }: ControlPlaneArgs,
  name: "kube-controller-manager" | "kube-scheduler",
): Flags {
  const file = path(`${name}.kubeconfig`);
  return {
    kubeconfig: file,
    "authentication-kubeconfig": file,
    "authorization-kubeconfig": file,
    "bind-address": "127.0.0.1",
    "secure-port": ports[name],
    "tls-cert-file": path(`${name}.crt`),
    "tls-private-key-file": path(`${name}.key`),
    // The defaults slow a burst of Helm releases down to 20 and 50 requests a second.
    "kube-api-qps": 200,
    "kube-api-burst": 400,
    "leader-elect": false,
    profiling: false,
  };
}

function kwokFlags({ layout, ports, path }: ControlPlaneArgs): Flags {
  return {
    kubeconfig: path("kwok.kubeconfig"),
    // Relative to the data folder, in which it runs: KWOK would split a path at a comma.
    config: basename(layout.kwokConfig),
    cidr: podRange,
    "manage-nodes-with-label-selector": `${simulatedNodeLabel.key}=${simulatedNodeLabel.value}`,
    "node-port": ports.kwok,
    "server-address": `127.0.0.1:${ports.kwok}`,
    "tls-cert-file": path("kwok.crt"),
    "tls-private-key-file": path("kwok.key"),
    // Without leases nodes turn NotReady after minutes, and their pods are evicted.
    "node-lease-duration-seconds": 40,
  };
}
