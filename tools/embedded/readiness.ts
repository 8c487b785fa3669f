import type { ApiClient } from "./apiClient.ts";
import { probeApiService, storageClassName } from "./manifests.ts";
import { unreadyNodes } from "./reconcileNodes.ts";
import type { ReadinessCheck } from "./wait.ts";

/** Checks that a path of an HTTPS server answers 200. */
export function answersOk(client: ApiClient, path: string): ReadinessCheck {
  return async () => {
    const { status, body } = await client.send("GET", path);
    return status === 200 ? undefined : `${path} answers ${status} ${body.slice(0, 200)}`;
  };
}

/** Checks that a URL answers 200 over HTTP. */
export function urlAnswersOk(url: string): ReadinessCheck {
  return async () => {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    return response.ok ? undefined : `${url} answers ${response.status}`;
  };
}

/** Checks that the cluster's own admission policies are in force. */
export function policiesInForce(api: ApiClient): ReadinessCheck {
  return async () => {
    const path = "/apis/apiregistration.k8s.io/v1/apiservices?dryRun=All";
    const { status, body } = await api.send("POST", path, probeApiService);
    if (status !== 201) return `a trial APIService is refused: ${status} ${body.slice(0, 200)}`;
    const { spec } = JSON.parse(body) as { spec: object };
    return "service" in spec ? "the admission policies are not in force" : undefined;
  };
}

/** Checks that the controllers work: they give each namespace a service account and its CA bundle. */
export function controllersWork(api: ApiClient): ReadinessCheck {
  return async () => {
    for (const namespace of ["default", "kube-system", "kube-public", "kube-node-lease"]) {
      const path = `/api/v1/namespaces/${namespace}`;
      const account = await api.get(`${path}/serviceaccounts/default`);
      const bundle = await api.get(`${path}/configmaps/kube-root-ca.crt`);
      if (account === undefined || bundle === undefined) {
        return `namespace ${namespace} has no service account or CA bundle yet`;
      }
    }
    const storageClass = await api.get(`/apis/storage.k8s.io/v1/storageclasses/${storageClassName}`);
    return storageClass === undefined ? `StorageClass ${storageClassName} is missing` : undefined;
  };
}

/** Checks that KWOK keeps every managed node alive and all are Ready. */
export function nodesReady(api: ApiClient): ReadinessCheck {
  return async () => {
    const waiting = await unreadyNodes(api);
    return waiting.length === 0 ? undefined : `nodes are not ready: ${waiting.join(", ")}`;
  };
}
