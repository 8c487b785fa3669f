import type { Path } from "../json.ts";
import type { JsonObject } from "../types.ts";

/** A value and where it stands. */
export interface Located {
  readonly path: Path;
  readonly value: JsonObject;
}

/** A container and the part that it plays in its pod. */
export interface Container extends Located {
  /** `sidecar` runs beside the main containers, `init` ends before them. */
  readonly role: "main" | "init" | "sidecar" | "ephemeral";
  /** Its name in quotes, for messages. */
  readonly label: string;
}

/** A pod that an object makes, wherever in the object it is described. */
export interface PodTemplate {
  /** Where its pod spec is; in Argo workflows, its template. */
  readonly path: Path;
  /** API group and kind of the object that makes it: `batch/Job`. */
  readonly kind: string;
  /** True when every node is meant to run one: the pods of a DaemonSet. */
  readonly perNode: boolean;
  /** True for a pod that is on its node already, so that the node's name in it says nothing of its author's wish. */
  readonly scheduled: boolean;
  /** Pod spec with what it inherits from the object around it. */
  readonly spec: JsonObject;
  /** Where the value of a pod spec's field comes from. */
  readonly at: (...field: (string | number)[]) => Path;
  readonly labels: JsonObject;
  readonly labelsPath: Path;
  readonly containers: readonly Container[];
  readonly volumes: readonly Located[];
  /** True for work that should end, and so needs a deadline when it holds a GPU. */
  readonly ends: boolean;
  /** Seconds after which it is stopped, and where they are or should be written. */
  readonly deadline: { readonly value: unknown; readonly path: Path };
  /** How many such pods run at a time, as far as the object says. */
  readonly count: number;
}

/** A container of a list in a pod spec; `position` names it where it has no name. */
export function toContainer({ path, value }: Located, role: Container["role"], position: string): Container {
  const name = typeof value.name === "string" && value.name !== "" ? value.name : position;
  return { path, role, value, label: `"${name}"` };
}
