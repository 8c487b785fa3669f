import { asText, listAt, type Path, valueAt } from "../json.ts";
import { deferral, defineRule, defineStackRule, type Issue } from "../rule.ts";
import { isRunTimeValue } from "../runTimeValues.ts";
import type { Rule, StackResource, StackRule } from "../types.ts";
import { expectAll, isTrue } from "./expect.ts";
import { conditionsOf, principalsOf, readDocument } from "./iamDocument.ts";

/** Type tokens by what they are; V2 names are those of @pulumi/aws before 7. */
const S3 = {
  bucket: ["aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"],
  acl: ["aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketAclV2:BucketAclV2"],
  policy: ["aws:s3/bucketPolicy:BucketPolicy"],
  block: ["aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"],
  encryption: [
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
  ],
  versioning: ["aws:s3/bucketVersioning:BucketVersioning", "aws:s3/bucketVersioningV2:BucketVersioningV2"],
};

const BLOCKS = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"];

const noPublicAccess = defineRule({
  name: "s3-no-public-access",
  description: "No ACL, policy or access setting opens a bucket to the public.",
  level: "mandatory",
  target: "aws",
  types: [...S3.bucket, ...S3.acl, ...S3.policy, ...S3.block],
  check: (inputs, _context, _knobs, type) => {
    if (S3.block.includes(type)) {
      const fix = "set it to true";
      return expectAll(
        inputs,
        BLOCKS.map((name) => ({ path: [name], holds: isTrue, message: `${name} is off`, fix })),
      );
    }
    return [...publicAcl(inputs), ...publicGrants(inputs), ...publicPolicy(inputs)];
  },
});

function publicAcl(inputs: unknown): Issue[] {
  const acl = valueAt(inputs, "acl");
  if (isRunTimeValue(acl)) return [deferral(["acl"], "the ACL")];
  const open = typeof acl === "string" && (acl.startsWith("public-") || acl === "authenticated-read");
  return open ? [{ path: ["acl"], message: `ACL ${acl} opens the bucket`, fix: "remove the ACL" }] : [];
}

/** Groups that hold everyone: anybody at all, and anybody with an AWS account. */
const EVERYONE = /\/groups\/global\/(?:AllUsers|AuthenticatedUsers)$/;

/** An ACL may be written grant by grant, too: by a BucketAcl, or in a bucket's own `grants`. */
function publicGrants(inputs: unknown): Issue[] {
  const places: { path: Path; uri: Path }[] = [
    { path: ["accessControlPolicy", "grants"], uri: ["grantee", "uri"] },
    { path: ["grants"], uri: ["uri"] },
  ];
  return places.flatMap(({ path, uri }) =>
    listAt(inputs, ...path).flatMap((grant, index) =>
      EVERYONE.test(asText(valueAt(grant, ...uri)))
        ? [{ path: [...path, index], message: "a grant opens the bucket", fix: "remove the grant" }]
        : [],
    ),
  );
}

function publicPolicy(inputs: unknown): Issue[] {
  const statements = readDocument(inputs, "policy");
  if (statements === "unknown") return [deferral(["policy"], "the bucket policy")];
  if (statements === "malformed") return [];
  return statements
    .filter((statement) => statement.allows && principalsOf(statement).includes("*"))
    .map(({ path }) => ({
      path: [...path, "Principal"],
      message: "the policy lets everyone in",
      fix: "name the principals",
    }));
}

/** What a bucket must have beside it, and how one sees that it does. */
interface Companion {
  readonly name: string;
  readonly description: string;
  readonly types: readonly string[];
  readonly missing: string;
  readonly fix: string;
  /** Whether a companion resource gives what is needed. */
  readonly gives: (inputs: unknown) => boolean | "unknown";
  /** Whether the bucket has it in its own inputs; left out where it cannot. */
  readonly inline?: (inputs: unknown) => boolean | "unknown";
}

function companionRule({ name, description, types, missing, fix, gives, inline }: Companion): StackRule {
  return defineStackRule({
    name,
    description,
    level: "mandatory",
    checkStack: (resources) => {
      const companions = resources.filter(({ type }) => types.includes(type));
      return resources
        .filter(({ type }) => S3.bucket.includes(type))
        .flatMap((bucket) => {
          const own = companions.filter((companion) => isOf(companion, bucket));
          const answers = [inline?.(bucket.inputs), ...own.map(({ inputs }) => gives(inputs))];
          const { urn } = bucket;
          const path: Path = [];
          if (answers.includes(true)) return [];
          if (answers.includes("unknown"))
            return [{ ...deferral(path, `whether bucket ${bucket.name} passes`), urn }];
          return [{ urn, path, message: `bucket ${bucket.name} ${missing}`, fix }];
        });
    },
  });
}

function isOf({ inputs, references }: StackResource, bucket: StackResource): boolean {
  const named = valueAt(inputs, "bucket");
  const own = valueAt(bucket.inputs, "bucket");
  const byName = typeof named === "string" && named === own && !isRunTimeValue(named);
  return byName || references.bucket?.includes(bucket.urn) === true;
}

const publicAccessBlocked = companionRule({
  name: "s3-public-access-blocked",
  description: "Every bucket has its public access blocked.",
  types: S3.block,
  missing: "has no BucketPublicAccessBlock with all four settings on",
  fix: "add one with all four settings true",
  gives: (inputs) => BLOCKS.every((name) => isTrue(valueAt(inputs, name))),
});

const encrypted = companionRule({
  name: "s3-encrypted",
  description: "Every bucket states how its objects are encrypted.",
  types: S3.encryption,
  missing: "states no server-side encryption",
  fix: "add a BucketServerSideEncryptionConfiguration with aws:kms or AES256",
  gives: (inputs) => statesEncryption(listAt(inputs, "rules")),
  inline: (inputs) =>
    statesEncryption([
      ...listAt(inputs, "serverSideEncryptionConfiguration", "rules"),
      valueAt(inputs, "serverSideEncryptionConfiguration", "rule"),
      ...listAt(inputs, "serverSideEncryptionConfigurations").flatMap((element) => listAt(element, "rules")),
    ]),
});

function statesEncryption(rules: readonly unknown[]): boolean {
  const algorithms = ["aws:kms", "aws:kms:dsse", "AES256"];
  return rules.some((rule) =>
    algorithms.includes(asText(valueAt(rule, "applyServerSideEncryptionByDefault", "sseAlgorithm"))),
  );
}

const versioned = companionRule({
  name: "s3-versioned",
  description: "Every bucket keeps versions, so that nothing is lost by overwriting.",
  types: S3.versioning,
  missing: "keeps no versions",
  fix: "add a BucketVersioning with status Enabled",
  gives: (inputs) => valueAt(inputs, "versioningConfiguration", "status") === "Enabled",
  inline: (inputs) =>
    [valueAt(inputs, "versioning"), ...listAt(inputs, "versionings")].some((setting) =>
      isTrue(valueAt(setting, "enabled")),
    ),
});

const tlsOnly = companionRule({
  name: "s3-tls-only",
  description: "Every bucket denies requests without TLS.",
  types: S3.policy,
  missing: "takes requests without TLS",
  fix: 'add a BucketPolicy that denies s3:* on bucket and objects when aws:SecureTransport is "false"',
  gives: deniesPlainHttp,
  inline: deniesPlainHttp,
});

function deniesPlainHttp(inputs: unknown): boolean | "unknown" {
  const statements = readDocument(inputs, "policy");
  if (statements === "unknown") return statements;
  if (statements === "malformed") return false;
  return statements.some(
    (statement) =>
      !statement.allows &&
      principalsOf(statement).includes("*") &&
      !("NotPrincipal" in statement.value) &&
      statement.actions.some((action) => action === "s3:*" || action === "*") &&
      // Every further condition would have to hold as well before the request is denied.
      conditionsOf(statement).length === 1 &&
      conditionsOf(statement).every(
        ({ operator, key, values }) =>
          operator === "Bool" && key === "aws:SecureTransport" && values.includes("false"),
      ) &&
      // The whole bucket: itself, and all of its objects.
      statement.resources.some((resource) => /^[^/]+$/.test(resource)) &&
      statement.resources.some((resource) => /^[^/]*(?:\/\*|\*)$/.test(resource)),
  );
}

export const s3Rules: readonly Rule[] = [noPublicAccess];

/** Rules on what a bucket has beside it; only a whole stack shows that. */
export const s3StackRules: readonly StackRule[] = [publicAccessBlocked, encrypted, versioned, tlsOnly];
