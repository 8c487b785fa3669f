import type { Size } from "../../components/target.ts";
import { parseQuantity as readQuantity } from "../../policy/rules/quantity.ts";
import type { Outline, OutlineContainer, OutlineWorkload } from "./outline.ts";

/** What pods ask the scheduler for: `cpu` in cores, `memory` in bytes. */
export interface Requested {
  readonly cpu: number;
  readonly memory: number;
}

export interface RequestedBySystem {
  readonly total: Requested;
  readonly charts: Readonly<Record<string, Requested>>;
}

/**
 * A Kubernetes quantity as a number: cores for cpu, bytes for memory and storage.
 *
 * @throws Error when it is none.
 */
export function parseQuantity(quantity: string): number {
  const number = readQuantity(quantity);
  if (number === undefined || number < 0) throw new Error(`not a Kubernetes quantity: ${quantity}`);
  return number;
}

/**
 * What the systems ask for while they run, operators' children included. Jobs are not counted: hooks
 * and jobs end, and what they asked for is free again.
 *
 * @param nodes how many nodes DaemonSets run on.
 */
export function requestedBy(
  outlines: ReadonlyMap<string, Outline>,
  size: Size,
  nodes: number,
): RequestedBySystem {
  const charts = Object.fromEntries(
    [...outlines].map(([name, outline]) => [
      name,
      sum(outline.sizes[size].workloads.map((w) => ofWorkload(w, nodes))),
    ]),
  );
  return { charts, total: sum(Object.values(charts)) };
}

export function sum(parts: readonly Requested[]): Requested {
  return {
    cpu: parts.reduce((total, p) => total + p.cpu, 0),
    memory: parts.reduce((total, p) => total + p.memory, 0),
  };
}

function ofWorkload(workload: OutlineWorkload, nodes: number): Requested {
  if (workload.hook !== undefined || ["Job", "CronJob"].includes(workload.kind)) return { cpu: 0, memory: 0 };
  const pods = workload.replicas * (workload.kind === "DaemonSet" ? nodes : 1);
  return { cpu: pods * ofPod(workload, "cpu"), memory: pods * ofPod(workload, "memory") };
}

/**
 * What the scheduler counts for one pod: all containers at once, or an init container with the
 * sidecars that were started before it, whichever is more.
 */
function ofPod(workload: OutlineWorkload, resource: "cpu" | "memory"): number {
  let sidecars = 0;
  let starting = 0;
  for (const init of workload.initContainers ?? []) {
    if (init.restartPolicy === "Always") sidecars += ofContainer(init, resource);
    starting = Math.max(
      starting,
      sidecars + (init.restartPolicy === "Always" ? 0 : ofContainer(init, resource)),
    );
  }
  const running = workload.containers.reduce((total, c) => total + ofContainer(c, resource), sidecars);
  return Math.max(running, starting);
}

function ofContainer(container: OutlineContainer, resource: string): number {
  // The API server takes a limit as the request where none is given.
  return parseQuantity(container.requests?.[resource] ?? container.limits?.[resource] ?? "0");
}
