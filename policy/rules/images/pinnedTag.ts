import { z } from "zod";
import { patternKnob } from "../patternKnob.ts";

/** The time of the release: RELEASE.2025-09-07T16-13-09Z. */
const MINIO_RELEASE = String.raw`RELEASE\.[0-9]{4}(?:-[0-9]{2}){2}T[0-9]{2}(?:-[0-9]{2}){2}Z(?:-cpuv1)?`;

/** A version that its vendor gives two numbers, and what it is built on: 17.6-alpine3.22. */
const TWO_NUMBERS = String.raw`[0-9]+\.[0-9]+(?:-[a-z0-9.]+)?`;

/**
 * What counts as a pinned tag. Patterns are written in the syntax that JavaScript and RE2 share, without
 * anchors, because the admission policy states them in CEL.
 */
export const tagKnobs = z.object({
  tags: z
    .array(patternKnob)
    .default([
      // Semantic version, leading v allowed, with a pre-release or distribution suffix.
      String.raw`v?(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?`,
      // Ours: v{YYYYMMDD}-{sha7}.
      "v20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])-[0-9a-f]{7}",
    ])
    .describe("Patterns of pinned tags that any image may have"),
  vendorTags: z
    .array(z.object({ repository: z.string(), tag: patternKnob }))
    .default([
      { repository: "quay.io/minio/*", tag: MINIO_RELEASE },
      { repository: "docker.io/minio/*", tag: MINIO_RELEASE },
      { repository: "docker.io/library/postgres", tag: TWO_NUMBERS },
      { repository: "public.ecr.aws/docker/library/postgres", tag: TWO_NUMBERS },
      // NVIDIA's containers: year and month, then what is in them (24.08-py3).
      { repository: "nvcr.io/nvidia/*", tag: String.raw`[0-9]{2}\.[0-9]{2}(?:-[a-z0-9]+)*` },
      { repository: "registry.k8s.io/pause", tag: String.raw`[0-9]+\.[0-9]+` },
      // Kubernetes' own builds: date and commit.
      { repository: "registry.k8s.io/*", tag: "v[0-9]{8}-(?:v[0-9.]+-[0-9]+-)?g?[0-9a-f]{7,}" },
    ])
    .describe("Further patterns for repositories whose vendor numbers releases otherwise; `/*` is all below"),
  floatingWords: z
    .array(z.string().regex(/^\w+$/))
    .default([
      "latest",
      "stable",
      "edge",
      "nightly",
      "main",
      "master",
      "head",
      "dev",
      "snapshot",
      "canary",
      "current",
    ])
    .describe("Words that make a tag floating wherever they stand in it, in any case"),
});

export type TagKnobs = z.output<typeof tagKnobs>;

/** A pattern that matches no text: an empty list of alternatives would match everything. */
const NOTHING = "[^\\s\\S]";

/** Matches a tag that moves: one of its parts is a floating word. */
export function floatingTagPattern({ floatingWords }: TagKnobs): string {
  return `^(?:.*[._-])?(?i:${floatingWords.join("|") || NOTHING})(?:[._-].*)?$`;
}

/** Matches a whole pinned tag that any image may have. */
export function pinnedTagPattern({ tags }: TagKnobs): string {
  return `^(?:${tags.join("|") || NOTHING})$`;
}

/** Matches `repository:tag`, normalised, for vendors that number releases in their own way. */
export function vendorTagPattern({ vendorTags }: TagKnobs): string {
  const alternatives = vendorTags.map(({ repository, tag }) => {
    const below = repository.endsWith("/*");
    const literal = (below ? repository.slice(0, -1) : repository).replaceAll(/[.+*?^$()[\]{}|\\]/g, "\\$&");
    return `${literal}${below ? "[^:@]+" : ""}:(?:${tag})`;
  });
  return `^(?:${alternatives.join("|") || NOTHING})$`;
}

/** Matches a tag that some vendor numbers releases by. */
export function anyVendorTagPattern({ vendorTags }: TagKnobs): string {
  return `^(?:${vendorTags.map(({ tag }) => tag).join("|") || NOTHING})$`;
}
