import { isObject, type Path, valueAt, walk } from "../json.ts";
import type { JsonObject } from "../types.ts";
import type { NamedImage } from "./images.ts";

/** A part of an image that Helm values set while the chart keeps the rest. */
export interface ImageOverride {
  readonly path: Path;
  readonly tag?: string;
  /** `repository`, with its registry where the values name one. */
  readonly repository?: string;
  /** True when the values say which registry the repository lies in. */
  readonly registryKnown: boolean;
  readonly digest?: string;
}

const IMAGE_KEY = /^image$|[a-z0-9]Image$|^image_?ref(?:erence)?$/;
const IMAGE_TAG_KEY = /^image_?tag$|[a-z0-9]ImageTag$/i;

/** Whole references in Helm values: strings under keys such as `image` or `sidecarImage`. */
export function imagesInValues(inputs: unknown): NamedImage[] {
  return valuesOf(inputs).flatMap(({ path, value }) => {
    const key = path.at(-1);
    const names = typeof key === "string" && IMAGE_KEY.test(key) && typeof value === "string" && value !== "";
    return names ? [{ path, value, of: `Helm value ${key}` }] : [];
  });
}

/**
 * Images in Helm values that are written in parts, as most charts do: `image: {registry, repository, tag}`,
 * a repository beside its tag, or a key such as `imageTag`. What is missing is the chart's and not judged here.
 */
export function imageOverridesInValues(inputs: unknown): ImageOverride[] {
  return valuesOf(inputs).flatMap(({ path, value }): ImageOverride[] => {
    const key = path.at(-1);
    if (typeof key === "string" && IMAGE_TAG_KEY.test(key)) {
      const tag = tagText(value);
      return tag === undefined ? [] : [{ path, tag, registryKnown: false }];
    }
    const underImage = typeof key === "string" && IMAGE_KEY.test(key);
    if (!isObject(value) || !(underImage || ("repository" in value && "tag" in value))) return [];
    return [toOverride(path, value)];
  });
}

function toOverride(path: Path, value: JsonObject): ImageOverride {
  const tag = tagText(value.tag);
  const registry = filled(value.registry);
  const repository = filled(value.repository) ?? filled(value.name);
  const digest = filled(value.digest) ?? filled(value.sha);
  const ownHost = repository !== undefined && /^[^/]*[.:][^/]*\//.test(repository);
  return {
    path,
    ...(tag !== undefined && { tag }),
    ...(repository !== undefined && {
      repository: registry === undefined ? repository : `${registry}/${repository}`,
    }),
    ...(digest !== undefined && { digest: digest.startsWith("sha256:") ? digest : `sha256:${digest}` }),
    registryKnown: registry !== undefined || ownHost,
  };
}

/** YAML reads `tag: 1.25` as a number; the chart renders it as text. */
function tagText(value: unknown): string | undefined {
  return typeof value === "number" ? String(value) : filled(value);
}

function filled(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function valuesOf(inputs: unknown): { path: Path; value: unknown }[] {
  return [...walk(valueAt(inputs, "values"))].map(({ path, value }) => ({
    path: ["values", ...path],
    value,
  }));
}
