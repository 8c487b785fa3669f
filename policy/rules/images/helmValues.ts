import { isObject, type Path, valueAt, walk } from "../json.ts";
import type { JsonObject } from "../types.ts";
import type { NamedImage } from "./images.ts";

/** A part of an image that Helm values set while the chart keeps the rest. */
export interface ImageOverride {
  readonly path: Path;
  readonly tag?: string;
  /** `repository`, with its registry where the values name one. */
  readonly repository?: string;
  /** The registry alone, where the values name no repository. */
  readonly registry?: string;
  /** True when the values say which registry the repository lies in. */
  readonly registryKnown: boolean;
  readonly digest?: string;
}

const IMAGE_KEY =
  /^[Ii]mage$|^(?:.*_)?IMAGE$|[a-z0-9]Image$|[_-]image$|^image(?:_?ref(?:erence)?|_?ur[il]|Ref(?:erence)?|Ur[il])$/;
const IMAGE_TAG_KEY = /^image_?tag$|[a-z0-9]ImageTag$/i;
const IMAGE_REGISTRY_KEY = /^image_?registry$|[a-z0-9]ImageRegistry$/i;

/** Whole references in Helm values: strings under keys such as `image` or `sidecarImage`, and in `images`. */
export function imagesInValues(inputs: unknown): NamedImage[] {
  return valuesOf(inputs).flatMap(({ path, value }) => {
    if (typeof value !== "string" || value === "") return [];
    const key = path.at(-1);
    const named = typeof key === "string" && IMAGE_KEY.test(key);
    return named || isListedImage(path, value) ? [{ path, value, of: `Helm value ${key}` }] : [];
  });
}

/** In `images` stand references by any name, and settings such as `pullPolicy` and `registry`. */
function isListedImage(path: Path, value: string): boolean {
  const [parent, key] = path.slice(-2);
  return parent === "images" && /[/:@]/.test(value) && key !== "registry" && key !== "repository";
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
    if (typeof key === "string" && IMAGE_REGISTRY_KEY.test(key)) {
      const registry = filled(value);
      return registry === undefined ? [] : [{ path, registry, registryKnown: true }];
    }
    const underImage = typeof key === "string" && IMAGE_KEY.test(key);
    if (!isObject(value) || !(underImage || isImage(value))) return [];
    return [toOverride(path, value)];
  });
}

function isImage(value: JsonObject): boolean {
  return "tag" in value && ("repository" in value || "registry" in value);
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
    ...(repository === undefined && registry !== undefined && { registry }),
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
