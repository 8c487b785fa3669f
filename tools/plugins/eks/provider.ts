import type { Provider } from "@pulumi/pulumi/provider/provider.js";
import type { Place } from "../aws/answers.ts";
import { rehearsalPlugins } from "../standIns.ts";
import { clusterType, RehearsedCluster } from "./cluster.ts";

/**
 * The part of @pulumi/eks that this project uses: the component Cluster, which makes its children itself.
 *
 * @param kubeconfig file with the kubeconfig of the cluster that stands for the one on EKS; without it, what the
 *   real plugin would give.
 */
export function eksProvider(place: Place, kubeconfig: string | undefined): Provider {
  return {
    getSchema: async () => {
      const { name, version } = rehearsalPlugins.eks;
      return JSON.stringify({ name, version });
    },

    async construct(name, type, inputs, options) {
      if (type !== clusterType) {
        throw new Error(`${type} is not rehearsed, only ${clusterType}`);
      }
      const cluster = new RehearsedCluster(name, inputs, { place, kubeconfig }, options);
      return { urn: cluster.urn, state: cluster.state };
    },
  };
}
