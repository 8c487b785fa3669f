import { join } from "node:path";
import { stateDir } from "../lib/paths.ts";
import { handoverFile } from "./handover.ts";

/** Where a cluster keeps what; all paths are absolute and lie in its data folder, except the lock. */
export interface Layout {
  readonly dir: string;
  /** Beside the folder and not in it, because `destroy` removes the folder while it holds the lock. */
  readonly lock: string;
  /** Says that the folder is an embedded cluster's, and holds its id. */
  readonly marker: string;
  readonly ports: string;
  readonly settings: string;
  readonly handover: string;
  readonly kubeconfig: string;
  /** Keys, certificates, tokens and kubeconfigs of the parts. */
  readonly secrets: string;
  /** Records of processes: who runs, and how it ended. */
  readonly run: string;
  readonly logs: string;
  /** Simulation stages and settings of KWOK. */
  readonly kwokConfig: string;
  /** What `kubectl logs` of a simulated container prints. */
  readonly simulatedLog: string;
  readonly etcdData: string;
  readonly minioData: string;
  readonly mlflowData: string;
  /** Host folders of volumes that were bound when the cluster last stopped. */
  readonly volumes: string;
}

export function layoutOf(dir: string): Layout {
  return {
    dir,
    lock: `${dir}.lock`,
    marker: join(dir, "embedded-cluster.json"),
    ports: join(dir, "ports.json"),
    settings: join(dir, "settings.json"),
    handover: handoverFile(dir),
    kubeconfig: join(dir, "kubeconfig"),
    secrets: join(dir, "secrets"),
    run: join(dir, "run"),
    logs: join(dir, "logs"),
    kwokConfig: join(dir, "kwok.yaml"),
    simulatedLog: join(dir, "simulated.log"),
    etcdData: join(dir, "etcd"),
    minioData: join(dir, "minio"),
    mlflowData: join(dir, "mlflow"),
    volumes: join(dir, "volumes.json"),
  };
}

/** Data folder of this checkout's cluster. */
export function defaultDir(): string {
  return join(stateDir(), "embedded");
}
