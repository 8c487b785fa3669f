import { objectAt, type Path } from "../json.ts";
import type { PodTemplate } from "../pods/podTemplate.ts";
import { isRunTimeValue } from "../runTimeValues.ts";
import { type ImageReference, parseImage } from "./reference.ts";

/** An image that a pod or a Helm value names, not yet judged. */
export interface NamedImage {
  readonly path: Path;
  readonly value: unknown;
  /** What it is the image of, for messages: `container "train"`. */
  readonly of: string;
}

/** Every image of a pod: of its containers and of volumes that mount one. */
export function imagesOf(pod: PodTemplate): NamedImage[] {
  const containers = pod.containers.map(({ path, value, label }) => ({
    path: [...path, "image"],
    value: value.image,
    of: `container ${label}`,
  }));
  const volumes = pod.volumes.flatMap(({ path, value }) =>
    "reference" in objectAt(value, "image")
      ? [
          {
            path: [...path, "image", "reference"],
            value: objectAt(value, "image").reference,
            of: "an image volume",
          },
        ]
      : [],
  );
  return [...containers, ...volumes];
}

/** The reference that an image field holds, where it is well-formed and known before run time. */
export function referenceOf(value: unknown): ImageReference | undefined {
  if (typeof value !== "string" || isRunTimeValue(value)) return undefined;
  const parsed = parseImage(value);
  return "malformed" in parsed ? undefined : parsed;
}
