import { z } from "zod";
import { asText, listAt, type Path, textAt } from "../json.ts";
import { patternKnob } from "../patternKnob.ts";
import { deferral, defineRule, type Issue } from "../rule.ts";
import type { Rule } from "../types.ts";
import { type Condition, conditionsOf, principalsOf, readDocument, type Statement } from "./iamDocument.ts";

const ROLE = "aws:iam/role:Role";
const DOCUMENTS = [
  "policy:Policy",
  "rolePolicy:RolePolicy",
  "userPolicy:UserPolicy",
  "groupPolicy:GroupPolicy",
].map((type) => `aws:iam/${type}`);

/** Where a resource keeps its permission documents: roles inline, policies as themselves. */
function documentPaths(inputs: unknown, type: string): Path[] {
  if (type !== ROLE) return [["policy"]];
  return listAt(inputs, "inlinePolicies").map((_policy, index) => ["inlinePolicies", index, "policy"]);
}

/** Judges each statement that allows something; a document that nobody can read is a finding itself. */
function forEachAllow(
  inputs: unknown,
  paths: readonly Path[],
  judge: (statement: Statement) => Issue[],
): Issue[] {
  return paths.flatMap((path) => {
    const statements = readDocument(inputs, ...path);
    if (statements === "unknown") return [deferral(path, "the IAM document")];
    if (statements === "malformed") {
      return [
        { path, message: "the IAM document cannot be read", fix: "write it as a JSON object with Statement" },
      ];
    }
    return statements.filter(({ allows }) => allows).flatMap(judge);
  });
}

/** `*`, `s3:*` and `s*:Get`, however the wildcards `*` (any text) and `?` (any letter) are doubled. */
const ANY_ACTION = /^(?:[*?]+|[^:]*:[*?]+|[^:]*[*?][^:]*:.*)$/;

/** `*`, and ARNs that name nothing of a service: `arn:aws:s3:::*` and shorter, which IAM fills up with stars. */
const ANY_RESOURCE = /^(?:[*?]+|arn(?::[^:]*){0,4}|arn(?::[^:]*){4}:[*?/:]*[*?][*?/:]*)$/;

const wildcardActions = defineRule({
  name: "iam-no-wildcard-actions",
  description: "IAM allows named actions, never all of a service or all but some.",
  level: "mandatory",
  target: "aws",
  types: [...DOCUMENTS, ROLE],
  check: (inputs, _context, _knobs, type) =>
    forEachAllow(inputs, documentPaths(inputs, type), ({ path, value, actions }) => {
      const fix = "name the actions that are needed";
      const broad = actions
        .filter((action) => ANY_ACTION.test(action))
        .map((action) => ({ path: [...path, "Action"], message: `action ${action} is allowed`, fix }));
      const all =
        "NotAction" in value
          ? [{ path: [...path, "NotAction"], message: "all actions but some are allowed", fix }]
          : [];
      return [...broad, ...all];
    }),
});

const wildcardResources = defineRule({
  name: "iam-no-wildcard-resources",
  description: "IAM allows actions on named resources, save those that AWS knows on * only.",
  level: "mandatory",
  target: "aws",
  types: [...DOCUMENTS, ROLE],
  knobs: z.object({
    anyResourceActions: z
      .array(patternKnob)
      .default([
        "[a-z0-9-]+:Describe[A-Za-z*]*",
        "acm:ListCertificates",
        "cloudwatch:PutMetricData",
        "ec2:GetInstanceTypesFromInstanceRequirements",
        "ecr:GetAuthorizationToken",
        "eks:List[A-Za-z*]*",
        "kms:List(?:Aliases|Keys)",
        "pricing:[A-Za-z]+",
        "rds:ListTagsForResource",
        "route53:ListHostedZones(?:ByName)?",
        "sts:GetCallerIdentity",
      ])
      .describe("Patterns of actions that AWS offers no narrower resource for"),
    narrowingConditions: patternKnob
      .default(
        "(?:ResourceTag|RequestTag)/|^kms:ViaService$|^ec2:CreateAction$|:namespace$|^iam:AWSServiceName$",
      )
      .describe("Pattern of condition keys that narrow * down"),
  }),
  check: (inputs, _context, { anyResourceActions, narrowingConditions }, type) =>
    forEachAllow(inputs, documentPaths(inputs, type), (statement) => {
      const { path, value, actions, resources } = statement;
      const fix = "name the ARNs that the actions are for";
      if ("NotResource" in value)
        return [{ path: [...path, "NotResource"], message: "all resources but some are allowed", fix }];
      const isAny = resources.some((resource) => ANY_RESOURCE.test(resource));
      const narrowed = conditionsOf(statement).some(
        (condition) => new RegExp(narrowingConditions).test(condition.key) && narrows(condition),
      );
      const unavoidable = new RegExp(`^(?:${anyResourceActions.join("|")})$`);
      const broad = actions.filter((action) => !unavoidable.test(action));
      if (!isAny || narrowed || (broad.length === 0 && actions.length > 0)) return [];
      return [
        {
          path: [...path, "Resource"],
          message: `${broad.join(", ") || "something"} is allowed on every resource`,
          fix,
        },
      ];
    }),
});

/** False for a condition that holds for nearly everything: by exclusion, by any value, or where the key is absent. */
function narrows({ operator, values }: Condition): boolean {
  return !/Not|IfExists$/.test(operator) && values.some((value) => !/^[*?]+$/.test(value));
}

const broadManagedPolicies = defineRule({
  name: "iam-no-broad-managed-policies",
  description: "No managed policy that grants everything of a service is attached.",
  level: "mandatory",
  target: "aws",
  types: [
    ROLE,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
    "aws:iam/policyAttachment:PolicyAttachment",
  ],
  check: (inputs) => {
    const attached = [
      { path: ["policyArn"], arn: textAt(inputs, "policyArn") },
      ...listAt(inputs, "managedPolicyArns").map((arn, index) => ({
        path: ["managedPolicyArns", index],
        arn,
      })),
    ];
    return attached
      .filter(({ arn }) => /\/(?:AdministratorAccess|PowerUserAccess|\w*FullAccess)[\w-]*$/.test(asText(arn)))
      .map(({ path, arn }) => ({
        path,
        message: `${asText(arn)} grants far more than is needed`,
        fix: "attach a policy with the actions that are needed",
      }));
  },
});

const scopedTrust = defineRule({
  name: "iam-scoped-trust",
  description: "A role trusts named principals, and a web identity only for a named subject and audience.",
  level: "mandatory",
  target: "aws",
  types: [ROLE],
  check: (inputs) =>
    forEachAllow(inputs, [["assumeRolePolicy"]], (statement) => {
      const path = [...statement.path, "Principal"];
      if (principalsOf(statement).includes("*")) {
        return [{ path, message: "everyone may assume the role", fix: "name the principals" }];
      }
      const federated = principalsOf(statement).some((principal) => principal.startsWith("Federated:"));
      if (!federated || !statement.actions.some(allowsWebIdentity)) return [];
      return ["sub", "aud"]
        .filter((claim) => !isBound(statement, claim))
        .map((claim) => ({
          path: [...statement.path, "Condition"],
          message: `any ${claim === "sub" ? "subject" : "audience"} of the identity provider may assume the role`,
          fix: `add a StringEquals condition on the provider's :${claim}`,
        }));
    }),
});

/** True when an action, in which IAM knows wildcards and no case, lets web identities in. */
function allowsWebIdentity(action: string): boolean {
  const literal = action.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");
  // One for each row of wildcards: several would be tried in all their combinations.
  const pattern = literal.replaceAll(/\?*\*[*?]*/g, ".*").replaceAll("?", ".");
  return new RegExp(`^${pattern}$`, "i").test("sts:AssumeRoleWithWebIdentity");
}

/** Text that names one repository, or one namespace, before it leaves anything open. */
const NARROW = /^(?:[^*?]+|[^:*?]+:[^:/*?]+\/[^:*?]+:.*|system:serviceaccount:[^:*?]+:.*)$/;

/** True when a condition binds a claim to something narrower than whole accounts or organisations. */
function isBound(statement: Statement, claim: string): boolean {
  return conditionsOf(statement).some(
    ({ operator, key, values }) =>
      key.endsWith(`:${claim}`) &&
      /^(?:ForAnyValue:)?String(?:Equals|Like)(?:IgnoreCase)?$/.test(operator) &&
      values.length > 0 &&
      values.every((value) => NARROW.test(value)),
  );
}

/** Rules on what IAM allows and whom it trusts. */
export const iamRules: readonly Rule[] = [
  wildcardActions,
  wildcardResources,
  broadManagedPolicies,
  scopedTrust,
];
