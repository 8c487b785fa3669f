import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { drainAtDestroy } from "./drain.ts";
import { storageClassName } from "./facts.ts";

/**
 * The default StorageClass: encrypted gp3 volumes in the zone of the pod that wants one. At destroy, waits until
 * the driver has deleted every volume, because nobody would find them afterwards.
 *
 * @returns what makers of volumes must wait for.
 */
export function createStorageClass(
  args: { readonly provider: k8s.Provider; readonly kubeconfig: pulumi.Input<string> },
  dependsOn: readonly pulumi.Resource[],
): pulumi.Resource[] {
  const storageClass = new k8s.storage.v1.StorageClass(
    storageClassName,
    {
      metadata: {
        name: storageClassName,
        annotations: { "storageclass.kubernetes.io/is-default-class": "true" },
      },
      provisioner: "ebs.csi.aws.com",
      parameters: { type: "gp3", encrypted: "true" },
      reclaimPolicy: "Delete",
      volumeBindingMode: "WaitForFirstConsumer",
      allowVolumeExpansion: true,
    },
    { provider: args.provider, dependsOn: [...dependsOn] },
  );
  const drain = drainAtDestroy(
    "drain-volumes",
    {
      kubeconfig: args.kubeconfig,
      remove: ["delete persistentvolumeclaim --all --all-namespaces --wait=false"],
      remaining: ["get persistentvolume -o name"],
      timeoutSeconds: 600,
      hint: "volumes are still there; see the logs of ebs-csi-controller in kube-system",
    },
    { dependsOn: [storageClass, ...dependsOn] },
  );
  return [storageClass, drain];
}
