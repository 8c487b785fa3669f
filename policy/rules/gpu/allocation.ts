import { type Path, valueAt } from "../json.ts";
import type { Container, PodTemplate } from "../pods/podTemplate.ts";
import { parseQuantity } from "../quantity.ts";
import { isRunTimeValue } from "../runTimeValues.ts";

/** What a container says about one resource. */
export interface ResourceClaim {
  readonly container: Container;
  readonly limit: unknown;
  /** The API server sets a missing request to the limit. */
  readonly request: unknown;
  /** Where the limit is or should be. */
  readonly path: Path;
}

/** What a container claims of a resource; undefined when it does not name it. */
export function claimOf(container: Container, resource: string): ResourceClaim | undefined {
  const limit = valueAt(container.value, "resources", "limits", resource);
  const request = valueAt(container.value, "resources", "requests", resource) ?? limit;
  if (limit === undefined && request === undefined) return undefined;
  const list = limit === undefined ? "requests" : "limits";
  return { container, limit, request, path: [...container.path, "resources", list, resource] };
}

/** Containers that ask for a resource: for more than nothing, or for what only run time knows. */
export function claimsOf(pod: PodTemplate, resource: string): ResourceClaim[] {
  return pod.containers.flatMap((container) => {
    const claim = claimOf(container, resource);
    return claim !== undefined && asks(claim) ? [claim] : [];
  });
}

/** What is no quantity counts as asking, so that it is judged rather than overlooked. */
function asks({ request, limit }: ResourceClaim): boolean {
  return [request, limit].some((amount) => amount !== undefined && parseQuantity(amount) !== 0);
}

/** True when the claim's amount is a template that run time fills in. */
export function isRunTimeClaim({ limit, request }: ResourceClaim): boolean {
  return isRunTimeValue(limit) || isRunTimeValue(request);
}

/**
 * GPUs that a pod holds, as the scheduler counts: sidecars beside the larger of the main containers together
 * and the largest init container. Amounts that are no number count as none: other rules judge them.
 */
export function gpusOf(pod: PodTemplate, resource: string): number {
  const amounts = claimsOf(pod, resource).map(({ container, request }) => ({
    role: container.role,
    amount: Math.max(0, parseQuantity(request) ?? 0),
  }));
  const sum = (role: Container["role"]): number =>
    amounts.filter((claim) => claim.role === role).reduce((total, claim) => total + claim.amount, 0);
  const largestInit = largest(amounts.filter(({ role }) => role === "init").map(({ amount }) => amount));
  return sum("sidecar") + Math.max(sum("main"), largestInit);
}

/** The largest of some amounts, 0 of none. `Math.max(...)` throws when there are very many. */
export function largest(amounts: readonly number[]): number {
  return amounts.reduce((most, amount) => Math.max(most, amount), 0);
}
