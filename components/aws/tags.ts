/** Tags that every resource carries, and where AWS needs to be told a second time. */

/** Key to value, as the bill and the policies group resources by. */
export interface CommonTags {
  readonly Project: string;
  readonly Stack: string;
  readonly Owner: string;
  readonly CostCenter: string;
  readonly [key: string]: string;
}

export const project = "mlops";

/** Who pays unless configured otherwise. */
export const defaultCostCenter = "mlops";

export function commonTags(
  stack: string,
  settings: { readonly owner: string; readonly costCenter: string },
): CommonTags {
  return { Project: project, Stack: stack, Owner: settings.owner, CostCenter: settings.costCenter };
}

/**
 * What a launch template must tag itself: the provider's default tags reach the template, not what is
 * launched from it.
 */
export const launchedResourceTypes = ["instance", "volume", "network-interface"] as const;
