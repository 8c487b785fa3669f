import type { z } from "zod";
import type { Path } from "../json.ts";
import { podsOf } from "../pods/pods.ts";
import { deferral, defineRule, type Issue } from "../rule.ts";
import { isRunTimeValue } from "../runTimeValues.ts";
import type { Context, Rule } from "../types.ts";
import { type ImageOverride, imageOverridesInValues, imagesInValues } from "./helmValues.ts";
import { imagesOf, type NamedImage, referenceOf } from "./images.ts";
import {
  anyVendorTagPattern,
  floatingTagPattern,
  pinnedTagPattern,
  type TagKnobs,
  tagKnobs,
  vendorTagPattern,
} from "./pinnedTag.ts";
import { type ImageReference, liesIn, parseImage } from "./reference.ts";

/** A judgement on images that holds for pods and for Helm values alike. */
interface ImageCheck<Shape extends z.ZodRawShape> {
  readonly name: string;
  readonly description: string;
  readonly knobs?: z.ZodObject<Shape>;
  readonly image: (image: NamedImage, context: Context, knobs: z.output<z.ZodObject<Shape>>) => Issue[];
  /** On an image that Helm values set in parts. */
  readonly override: (part: ImageOverride, context: Context, knobs: z.output<z.ZodObject<Shape>>) => Issue[];
}

/** The rule for pods, and its twin for Helm values whose name ends in `-in-values`. */
function imageRules<Shape extends z.ZodRawShape>(definition: ImageCheck<Shape>): Rule[] {
  const { name, description, knobs, image, override } = definition;
  const common = { level: "mandatory", ...(knobs && { knobs }) } as const;
  return [
    defineRule({
      ...common,
      name,
      description,
      target: "kubernetes",
      check: (object, context, settings) =>
        podsOf(object).flatMap((pod) => imagesOf(pod).flatMap((named) => image(named, context, settings))),
    }),
    defineRule({
      ...common,
      name: `${name}-in-values`,
      description: `${description} Holds for Helm values that set an image.`,
      target: "release",
      check: (inputs, context, settings) => [
        ...imagesInValues(inputs).flatMap((named) => image(named, context, settings)),
        ...imageOverridesInValues(inputs).flatMap((part) => override(part, context, settings)),
      ],
    }),
  ];
}

const reference = imageRules({
  name: "image-reference",
  description: "An image is named by a well-formed, lower-case reference.",
  image: ({ path, value, of }) => {
    if (isRunTimeValue(value)) return [deferral(path, `the image of ${of}`)];
    if (typeof value !== "string" || value === "") {
      return [{ path, message: `${of} has no image`, fix: "name an image with a pinned tag or a digest" }];
    }
    const parsed = parseImage(value);
    if (!("malformed" in parsed)) return [];
    const message = `image ${JSON.stringify(value)} of ${of} is malformed: ${parsed.malformed}`;
    return [{ path, message, fix: "write it as [host[:port]/]path[:tag][@sha256:digest], lower case" }];
  },
  override: (part) => {
    const { path, repository = "image", tag, digest } = part;
    const text = `${repository}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
    if (isRunTimeValue(text)) return [deferral(path, "the image in these values")];
    const parsed = parseImage(text);
    if (!("malformed" in parsed)) return [];
    const message = `image ${JSON.stringify(text)} in Helm values is malformed: ${parsed.malformed}`;
    return [{ path, message, fix: "set registry, repository, tag and digest in lower case and well-formed" }];
  },
});

const PIN = "use a semantic version, v{YYYYMMDD}-{sha7}, or a sha256 digest";

/** Why a tag does not pin its image; undefined when it does. */
function unpinnedBecause(
  image: Pick<ImageReference, "tag" | "digest"> & { repository: string },
  knobs: TagKnobs,
): string | undefined {
  const { repository, tag, digest } = image;
  if (tag !== undefined && new RegExp(floatingTagPattern(knobs)).test(tag)) {
    return digest === undefined
      ? `tag ${tag} moves`
      : `tag ${tag} says that the image moves although its digest pins it`;
  }
  if (digest !== undefined) return undefined;
  if (tag === undefined) return "it has neither tag nor digest, which means latest";
  if (new RegExp(pinnedTagPattern(knobs)).test(tag)) return undefined;
  if (new RegExp(vendorTagPattern(knobs)).test(`${repository}:${tag}`)) return undefined;
  return `tag ${tag} is no exact version`;
}

const tag = imageRules({
  name: "image-tag",
  description: "An image is pinned by an exact tag or a digest, and no tag is a floating one.",
  knobs: tagKnobs,
  image: (named, _context, knobs) => {
    const image = referenceOf(named.value);
    const because = image && unpinnedBecause(image, knobs);
    if (because === undefined) return [];
    return [
      {
        path: named.path,
        message: `image ${named.value} of ${named.of} is not pinned: ${because}`,
        fix: PIN,
      },
    ];
  },
  override: ({ path, repository, registryKnown, ...stated }, _context, knobs) => {
    // A repository may be written with its tag: charts that append none run exactly that.
    const whole = referenceOf(repository);
    const { tag = whole?.tag, digest = whole?.digest } = stated;
    if (isRunTimeValue(tag) || (tag === undefined && digest === undefined)) return [];
    const parts = { ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
    const because = unpinnedBecause({ repository: whole?.repository ?? "", ...parts }, knobs);
    if (because === undefined) return [];
    if (!registryKnown && new RegExp(anyVendorTagPattern(knobs)).test(tag ?? "")) {
      const message = `tag ${tag} is exact for some vendors, and the chart decides whose image it is`;
      return [
        {
          path,
          message,
          fix: "name the registry and repository, or let the rendered charts decide",
          deferred: true,
        },
      ];
    }
    return [{ path, message: `image in Helm values is not pinned: ${because}`, fix: PIN }];
  },
});

function allowedPlaces({ registries }: Context): string[] {
  return [...registries.own, ...registries.allowed];
}

function fromUnknownRegistry(repository: string, context: Context): boolean {
  return !allowedPlaces(context).some((entry) => liesIn(repository, entry));
}

const REGISTRY_FIX = "copy the image to a registry of ours, or have its registry added to the allow-list";

const registry = imageRules({
  name: "image-registry",
  description: "An image comes from a registry on the allow-list.",
  image: (named, context) => {
    const image = referenceOf(named.value);
    if (image === undefined || !fromUnknownRegistry(image.repository, context)) return [];
    const message = `image ${named.value} of ${named.of} comes from ${image.repository}, which is not allowed`;
    return [{ path: named.path, message, fix: REGISTRY_FIX }];
  },
  override: ({ path, repository, registry, registryKnown }, context) => {
    if (repository === undefined) return registry === undefined ? [] : judgeRegistry(path, registry, context);
    if (!registryKnown) {
      const message = `the chart decides which registry ${repository} comes from`;
      return [{ path, message, fix: "name the registry, or let the rendered charts decide", deferred: true }];
    }
    const image = referenceOf(repository);
    if (image === undefined || !fromUnknownRegistry(image.repository, context)) return [];
    const message = `image in Helm values comes from ${image.repository}, which is not allowed`;
    return [{ path, message, fix: REGISTRY_FIX }];
  },
});

/** A registry that values set for images which the chart names. */
function judgeRegistry(path: Path, registry: string, context: Context): Issue[] {
  if (isRunTimeValue(registry)) return [deferral(path, "the registry of the images")];
  if (!fromUnknownRegistry(registry, context)) return [];
  if (allowedPlaces(context).some((entry) => liesIn(entry, registry))) {
    const message = `only a part of ${registry} is allowed, and the chart decides what comes from it`;
    return [
      { path, message, fix: "name the repositories, or let the rendered charts decide", deferred: true },
    ];
  }
  return [
    {
      path,
      message: `images in Helm values come from ${registry}, which is not allowed`,
      fix: REGISTRY_FIX,
    },
  ];
}

function isOwnByTag({ repository, digest }: ImageReference, { stack, registries }: Context): boolean {
  return stack === "aws" && digest === undefined && registries.own.some((entry) => liesIn(repository, entry));
}

const DIGEST_FIX = "append @sha256:… as printed by the image build";

const ownDigest = imageRules({
  name: "image-own-digest",
  description: "On AWS, images that we built are named by digest.",
  image: (named, context) => {
    const image = referenceOf(named.value);
    if (image === undefined || !isOwnByTag(image, context)) return [];
    return [
      { path: named.path, message: `our image ${named.value} of ${named.of} has no digest`, fix: DIGEST_FIX },
    ];
  },
  override: ({ path, repository, digest }, context) => {
    const image = referenceOf(repository);
    const ours = image && isOwnByTag({ ...image, ...(digest !== undefined && { digest }) }, context);
    return ours
      ? [{ path, message: `our image ${repository} in Helm values has no digest`, fix: DIGEST_FIX }]
      : [];
  },
});

/** Rules on the images of pods and of Helm values. */
export const imageRulesOfAllDoors: readonly Rule[] = [...reference, ...tag, ...registry, ...ownDigest];
