import { check, describe, objectsOf } from "../rules/evaluate.ts";
import { formatPath, isObject, textAt, withValue } from "../rules/json.ts";
import type { Context, Finding } from "../rules/types.ts";
import type { Manifest } from "./parseManifests.ts";

/** A finding and the file and object that it is about. */
export interface ManifestFinding extends Finding {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Kind, namespace and name: `Job team-a/train`. */
  readonly object: string;
  /** Kind and name, as exceptions name objects: `Job/train`. */
  readonly objectName: string;
}

/**
 * Judges each object of a manifest, a List's one by one.
 * @param namespace where objects go that name no namespace, as `helm install --namespace` says
 */
export function checkManifest(
  file: string,
  { value, locate }: Manifest,
  context: Context,
  namespace?: string,
): ManifestFinding[] {
  return objectsOf(value).flatMap(({ path, value: object }) => {
    const placed = namespace === undefined ? object : inNamespace(object, namespace);
    const objectName = `${textAt(object, "kind")}/${textAt(object, "metadata", "name")}`;
    return check("kubernetes", placed, context).map((finding) => {
      const whole = formatPath(path) + finding.path.slice(1);
      return { ...finding, path: whole, file, ...locate(whole), object: describe(placed), objectName };
    });
  });
}

function inNamespace(object: unknown, namespace: string): unknown {
  if (!isObject(object) || textAt(object, "metadata", "namespace") !== undefined) return object;
  return withValue(object, ["metadata", "namespace"], namespace);
}
