import { expect, it } from "vitest";
import { pipelinesChart } from "../../../pipelines/component.ts";
import { helmReleases, kubectl } from "../../support/cluster.ts";
import type { PlainOutputs, RevealedOutputs } from "../../support/stack.ts";
import type { Workspace } from "../../support/workspace.ts";

export interface OutputsCase {
  readonly workspace: Workspace;
  readonly plain: PlainOutputs;
  readonly revealed: RevealedOutputs;
}

interface Container {
  readonly restartPolicy?: string;
  readonly resources?: { readonly requests?: Readonly<Record<string, string>> };
}

interface Pod {
  readonly spec: {
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
  };
}

const GIB = 2 ** 30;
const units: Readonly<Record<string, number>> = {
  "": 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
};

function amount(quantity = "0"): number {
  const [, number, unit = ""] = /^([\d.]+)(\w*)$/.exec(quantity) ?? [];
  const factor = unit === "Gi" ? GIB : units[unit];
  if (number === undefined || factor === undefined) throw new Error(`what is ${quantity}?`);
  return Number(number) * factor;
}

/** What the scheduler reserves for a pod, by the rule in Kubernetes' documentation on sidecars. */
function reserved({ spec }: Pod, resource: string): number {
  const of = (container: Container): number => amount(container.resources?.requests?.[resource]);
  const all = (containers: readonly Container[]): number => containers.reduce((sum, c) => sum + of(c), 0);
  const inits = spec.initContainers ?? [];
  const sidecars = inits.filter((container) => container.restartPolicy === "Always");
  const starting = inits.map((container, index) =>
    container.restartPolicy === "Always"
      ? 0
      : of(container) + all(inits.slice(0, index).filter((c) => sidecars.includes(c))),
  );
  return Math.max(all(spec.containers) + all(sidecars), ...starting);
}

/** Checks of the outputs of a stack that is up. */
export function checkOutputs(get: () => OutputsCase): void {
  it("keep credentials and kubeconfig secret, and reveal them when asked", () => {
    const { plain, revealed } = get();
    for (const name of ["credentials", "kubeconfig"]) expect(plain[name]).toBe("[secret]");
    expect(revealed.kubeconfig).toMatch(/^apiVersion: v1\n/);
    for (const system of ["argo-cd", "kube-prometheus-stack", "minio"]) {
      expect(revealed.credentials?.[system]?.password, system).toMatch(/^\S{16,}$/);
    }
  });

  it("name URLs that answer", async () => {
    const { urls = {} } = get().plain;
    expect(Object.keys(urls).sort()).toEqual(["minio", "mlflow", "s3"]);
    for (const [name, { url = "" }] of Object.entries(urls)) {
      const { status } = await fetch(url, { signal: AbortSignal.timeout(30_000) });
      expect(status, name).toBeLessThan(500);
    }
  });

  it("say of every release and the gateway that they are simulated: none of their pods runs", async () => {
    const { workspace, plain } = get();
    // The release of the pipelines has no pods.
    const released = (await helmReleases(workspace))
      .map(({ name }) => name)
      .filter((name) => name !== pipelinesChart.name);
    const simulated = (plain.simulated ?? []).map((name) => name.replace(/ \(placeholder of .*\)$/, ""));
    expect(simulated.sort()).toEqual([...released, "gateway"].sort());
  });

  it("say what all systems request: what their pods request, within the bounds for a laptop", async () => {
    const { workspace, plain } = get();
    const requested = plain.requested as Amounts & { readonly bySystem: Readonly<Record<string, Amounts>> };
    const vllm = requested.bySystem["vllm-stack"] ?? { cpu: 0, memoryGiB: 0 };
    expect(requested.cpu - vllm.cpu).toBeLessThanOrEqual(3.5);
    expect(requested.memoryGiB - vllm.memoryGiB).toBeLessThanOrEqual(9);

    const listed = await kubectl(
      workspace,
      "get",
      "pods",
      "-A",
      "--field-selector=status.phase=Running",
      "-o=json",
    );
    const { items } = JSON.parse(listed) as { items: Pod[] };
    const total = (resource: string): number => items.reduce((sum, pod) => sum + reserved(pod, resource), 0);
    const running = { cpu: total("cpu"), memoryGiB: total("memory") / GIB };
    if ((plain.simulated ?? []).some((name) => name.includes("placeholder of"))) {
      expect(running.cpu).toBeCloseTo(requested.cpu, 2);
      expect(running.memoryGiB).toBeCloseTo(requested.memoryGiB, 1);
    } else {
      // No operator of a real chart runs here, so what it would start is missing.
      expect(running.cpu).toBeLessThan(requested.cpu + 0.01);
      expect(running.memoryGiB).toBeLessThan(requested.memoryGiB + 0.1);
    }
  });
}

interface Amounts {
  readonly cpu: number;
  readonly memoryGiB: number;
}
