import { exec } from "../lib/exec.ts";
import type { Log } from "../lib/log.ts";
import { accessArgs, type ClusterAccess } from "./kubeconfig.ts";

/** One kind of trouble with one object, as Kubernetes reports it by Warning events. */
export interface Warning {
  /** `namespace: kind/name`. */
  readonly object: string;
  readonly reason: string;
  readonly message: string;
}

interface KubernetesEvent {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly involvedObject: { readonly kind: string; readonly namespace?: string; readonly name: string };
  readonly firstTimestamp?: string | null;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
  readonly count?: number;
}

/** Trouble that came and went within this time is none: pods wait for Secrets and volumes as a rule. */
const persistentMs = 20_000;

/** What is said once and not repeated while it lasts: the scheduler tries such a pod again when nodes change. */
const saidOnce = new Set(["FailedScheduling"]);

/**
 * The Warning events since `since` that last, the latest message of each object and reason.
 *
 * @param json a List of events of every type, as `kubectl get events -o json` prints it.
 */
export function lastingWarnings(json: string, since: Date, now = new Date()): Warning[] {
  const { items } = JSON.parse(json) as { items: KubernetesEvent[] };
  const found = new Map<string, { warning: Warning; first: number; last: number }>();
  /** When something went well with an object. */
  const wentWell = new Map<string, number>();
  for (const event of items) {
    const last = Date.parse(event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? "");
    const began = Date.parse(event.firstTimestamp ?? event.eventTime ?? event.lastTimestamp ?? "");
    const first = Math.max(began, since.getTime());
    if (Number.isNaN(last) || last < since.getTime()) continue;
    const object = nameOf(event);
    if (event.type === "Normal") {
      wentWell.set(object, Math.max(last, wentWell.get(object) ?? 0));
      continue;
    }
    const reason = event.reason ?? "";
    const key = `${object} ${reason}`;
    const known = found.get(key);
    const message = known !== undefined && known.last > last ? known.warning.message : (event.message ?? "");
    found.set(key, {
      warning: { object, reason, message },
      first: Math.min(known?.first ?? first, first),
      last: Math.max(known?.last ?? last, last),
    });
  }
  const lasts = ({ warning, first, last }: { warning: Warning; first: number; last: number }): boolean => {
    const goesOn = saidOnce.has(warning.reason) && (wentWell.get(warning.object) ?? 0) < last;
    return (goesOn ? now.getTime() : last) - first >= persistentMs;
  };
  return [...found.values()].filter(lasts).map(({ warning }) => warning);
}

function nameOf({ involvedObject: { kind, namespace = "", name } }: KubernetesEvent): string {
  return `${namespace}: ${kind.toLowerCase()}/${name}`;
}

/**
 * Tells, while an update runs, what keeps the cluster from getting ready: Helm itself only waits, and
 * says no more at its end than that time is over. Each trouble is told once.
 */
export function watchWarnings(access: ClusterAccess, log: Log): { stop(): void } {
  const since = new Date();
  const told = new Set<string>();
  const look = async (): Promise<void> => {
    const args = ["get", "events", "--all-namespaces", "-o", "json"];
    const events = await exec("kubectl", [...args, ...accessArgs("kubectl", access)], {
      allowFailure: true,
      timeoutMs: 10_000,
    });
    if (events.code !== 0) return;
    for (const { object, reason, message } of lastingWarnings(events.stdout, since)) {
      const key = `${object} ${reason}`;
      if (!told.has(key)) log.info(`still waiting, ${object}: ${reason}: ${message}`);
      told.add(key);
    }
  };
  // An API server that does not answer for a moment is the update's own business to report.
  const timer = setInterval(() => void look().catch(() => {}), 15_000);
  return { stop: () => clearInterval(timer) };
}
