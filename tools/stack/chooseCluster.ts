import { type ClusterKind, clusterKinds } from "../../components/local/facts.ts";

export interface ClusterChoice {
  /** What the stack is configured with, if it is. */
  readonly configured: string | undefined;
  /** What the environment variable CLUSTER asks for, if anything. */
  readonly requested: string | undefined;
  /** Whether the stack has resources, that is, lives on a cluster. */
  readonly hasResources: boolean;
  readonly dockerRuns: () => Promise<boolean>;
}

/**
 * The cluster of the local stack: decided once and kept, so that it is never switched because Docker
 * came or went.
 *
 * @throws Error when CLUSTER is unknown, or asks for another cluster than the one the stack lives on.
 */
export async function chooseCluster(choice: ClusterChoice): Promise<ClusterKind> {
  const { configured, requested, hasResources } = choice;
  if (requested !== undefined && requested !== "" && !isKind(requested)) {
    throw new Error(`CLUSTER=${requested}: unknown kind of cluster; allowed: ${clusterKinds.join(", ")}`);
  }
  if (configured !== undefined && isKind(configured)) {
    if (!requested || requested === configured) return configured;
    if (hasResources) {
      throw new Error(
        `CLUSTER=${requested}: the stack already lives on cluster \`${configured}\`. ` +
          "Remove it first with `make down`, or leave CLUSTER out.",
      );
    }
  }
  if (requested && isKind(requested)) return requested;
  return (await choice.dockerRuns()) ? "k3d" : "embedded";
}

function isKind(value: string): value is ClusterKind {
  return (clusterKinds as readonly string[]).includes(value);
}
