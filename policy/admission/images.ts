import {
  floatingTagPattern,
  pinnedTagPattern,
  tagKnobs,
  vendorTagPattern,
} from "../rules/images/pinnedTag.ts";
import { REFERENCE_PATTERN } from "../rules/images/reference.ts";
import { knobsIn } from "../rules/rule.ts";
import type { Context } from "../rules/types.ts";
import { type CelRule, literal, type Variable } from "./types.ts";

/** Images of a pod, taken apart and normalised step by step as policy/rules/images/reference.ts does. */
export const IMAGE_VARIABLES: readonly Variable[] = [
  {
    name: "images",
    expression:
      "variables.containers.map(c, string(c.?image.orValue(''))) + variables.volumes.filter(v, has(v.image)).map(v, string(v.image.?reference.orValue('')))",
  },
  {
    name: "named",
    expression:
      "variables.images.map(i, {'image': i, 'name': i.split('@')[0], 'digest': i.contains('@') ? i.substring(i.indexOf('@') + 1) : ''})",
  },
  {
    name: "tagged",
    expression:
      "variables.named.map(n, n.name.lastIndexOf(':') > n.name.lastIndexOf('/') ? {'image': n.image, 'digest': n.digest, 'name': n.name.substring(0, n.name.lastIndexOf(':')), 'tag': n.name.substring(n.name.lastIndexOf(':') + 1)} : {'image': n.image, 'digest': n.digest, 'name': n.name, 'tag': ''})",
  },
  {
    name: "references",
    expression: `variables.tagged.map(n, {'image': n.image, 'digest': n.digest, 'tag': n.tag, 'repository': ${repository()}})`,
  },
];

/** CEL for the normalised repository of a name `n.name`. */
function repository(): string {
  const first = "n.name.split('/')[0]";
  const path = "n.name.substring(n.name.indexOf('/') + 1)";
  return [
    "!n.name.contains('/') ? 'docker.io/library/' + n.name",
    `${first} in ['docker.io', 'index.docker.io'] ? (${path}.contains('/') ? 'docker.io/' : 'docker.io/library/') + ${path}`,
    `${first}.contains('.') || ${first}.contains(':') || ${first} == 'localhost' ? n.name : 'docker.io/' + n.name`,
  ].join(" : ");
}

/** CEL that is true when a repository lies in one of some registries. */
export function liesInOne(repository: string, registries: readonly string[]): string {
  return `${literal(registries)}.exists(a, ${repository} == a || ${repository}.startsWith(a + '/'))`;
}

/** The image rules in CEL. */
export function imageRules(context: Context): CelRule[] {
  const knobs = knobsIn(context, "image-tag", tagKnobs);
  const { own, allowed } = context.registries;
  const floating = `r.tag.matches(${literal(floatingTagPattern(knobs))})`;
  const pinned = `r.digest != '' || r.tag.matches(${literal(pinnedTagPattern(knobs))}) || (r.repository + ':' + r.tag).matches(${literal(vendorTagPattern(knobs))})`;
  const culpritsOf = (isGood: string): string =>
    `variables.references.filter(r, !(${isGood})).map(r, r.image)`;
  const checks = [
    {
      rule: "image-reference",
      isGood: `r.image.matches(${literal(REFERENCE_PATTERN)})`,
      message:
        "an image reference is malformed. Write it as [host[:port]/]path[:tag][@sha256:digest], lower case",
    },
    {
      rule: "image-tag",
      isGood: `!${floating} && (${pinned})`,
      message: "an image is not pinned. Use a semantic version, v{YYYYMMDD}-{sha7}, or a sha256 digest",
    },
    {
      rule: "image-registry",
      isGood: liesInOne("r.repository", [...own, ...allowed]),
      message: "an image comes from a registry that is not allowed. Copy it to one that is",
    },
    ...(context.stack === "aws"
      ? [
          {
            rule: "image-own-digest",
            isGood: `r.digest != '' || !${liesInOne("r.repository", own)}`,
            message: "an image that we built has no digest. Append @sha256:… as printed by the image build",
          },
        ]
      : []),
  ];
  return checks.map(({ rule, isGood, message }) => ({
    rule,
    expression: `variables.references.all(r, ${isGood})`,
    message,
    culprits: culpritsOf(isGood),
  }));
}
