import type {
  Policies,
  PolicyConfigSchema,
  ReportViolation,
  ResourceValidationArgs,
  ResourceValidationPolicy,
  StackValidationPolicy,
} from "@pulumi/policy";
import { rules, stackRules } from "../rules/catalog.ts";
import type { ConfigSchema, Context, Finding, JsonObject, Rule, StackRule } from "../rules/types.ts";
import { addInPlace } from "./addInPlace.ts";
import { snapshot, snapshotForTurn } from "./snapshot.ts";
import { subjectsOf, targetOf, targetsOf } from "./subject.ts";

/** Finds what surrounds the resources of a stack, by its name. */
export type ContextOfStack = (stack: string) => Context;

/** Every rule as a CrossGuard policy, and one that tells what only run time decides. */
export function policiesOf(contextOfStack: ContextOfStack): Policies {
  return [
    ...rules.map((rule) => resourcePolicy(rule, contextOfStack)),
    ...stackRules.map((rule) => stackPolicy(rule, contextOfStack)),
    deferredPolicy(contextOfStack),
  ];
}

function resourcePolicy(rule: Rule, contextOfStack: ContextOfStack): ResourceValidationPolicy {
  const { name, description, level, remediate } = rule;
  const contextOf = contextReader(rule, contextOfStack);
  return {
    name,
    description,
    enforcementLevel: level,
    configSchema: toPolicySchema(rule.configSchema),
    validateResource: (args, report) => {
      if (!applies(rule, args.type)) return;
      reportAll(findingsOf([rule], args, contextOf(args)), "violation", report);
    },
    ...(remediate && {
      remediateResource: (args: ResourceValidationArgs) => {
        if (targetOf(args.type) !== rule.target || !applies(rule, args.type)) return undefined;
        const additions = remediate(snapshot(args.props), contextOf(args), args.type);
        return additions.length === 0 ? undefined : addInPlace(args.props, additions);
      },
    }),
  };
}

function applies({ target, types }: Rule, type: string): boolean {
  return targetsOf(type).includes(target) && (target !== "aws" || types.includes(type));
}

/** What some rules find in a resource; all of them must apply to its type. */
function findingsOf(
  applying: readonly Rule[],
  { type, props, urn }: ResourceValidationArgs,
  context: Context,
): Finding[] {
  const inputs = snapshotForTurn(urn, props);
  return targetsOf(type).flatMap((target) =>
    subjectsOf(target, type, inputs).flatMap(({ value, name }) =>
      applying
        .filter((rule) => rule.target === target)
        .flatMap((rule) => rule.check(value, context, type))
        .map((finding) =>
          name === undefined ? finding : { ...finding, message: `${name}: ${finding.message}` },
        ),
    ),
  );
}

function stackPolicy(rule: StackRule, contextOfStack: ContextOfStack): StackValidationPolicy {
  const contextOf = contextReader(rule, contextOfStack);
  return {
    name: rule.name,
    description: rule.description,
    enforcementLevel: rule.level,
    configSchema: toPolicySchema(rule.configSchema),
    validateStack: (args, report) => {
      const [first] = args.resources;
      if (first === undefined) return;
      const resources = args.resources
        .filter(({ type }) => type.startsWith("aws:"))
        .map(({ urn, type, name, props, propertyDependencies }) => ({
          urn,
          type,
          name,
          inputs: snapshot(props),
          references: Object.fromEntries(
            Object.entries(propertyDependencies).map(([key, on]) => [
              key,
              on.map((resource) => resource.urn),
            ]),
          ),
        }));
      const context = contextOf({ urn: first.urn, getConfig: args.getConfig });
      for (const finding of rule.checkStack(resources, context)) {
        if (finding.kind === "violation") report(toMessage(finding), finding.urn);
      }
    },
  };
}

/** Deferred findings would block under their own rule's level; here they are told and let through. */
function deferredPolicy(contextOfStack: ContextOfStack): ResourceValidationPolicy {
  return {
    name: "deferred-to-admission",
    description: "What only run time knows is decided when Pods are admitted.",
    enforcementLevel: "advisory",
    validateResource: (args, report) => {
      const applying = rules.filter((rule) => applies(rule, args.type));
      if (applying.length === 0) return;
      reportAll(findingsOf(applying, args, contextOfStack(stackOf(args.urn))), "deferred", report);
    },
  };
}

function reportAll(findings: readonly Finding[], kind: Finding["kind"], report: ReportViolation): void {
  for (const finding of findings) if (finding.kind === kind) report(toMessage(finding));
}

function toMessage({ message, path, fix }: Finding): string {
  return `${message} (${path}). To mend it: ${fix}.`;
}

/**
 * Adds a policy's settings, which CrossGuard hands over with each call, to the context of the stack. CrossGuard
 * has compared them with the schema, which knows neither misspelt names nor patterns that are none.
 */
function contextReader(rule: Rule | StackRule, contextOfStack: ContextOfStack) {
  const known = new Map<string, Context>();
  return ({ urn, getConfig }: Pick<ResourceValidationArgs, "urn" | "getConfig">): Context => {
    const stack = stackOf(urn);
    const settings = getConfig<JsonObject>();
    const key = JSON.stringify([stack, settings]);
    const existing = known.get(key);
    if (existing !== undefined) return existing;
    const context = withKnobs(contextOfStack(stack), rule.name, settings);
    const problems = rule.problemsWithKnobs(context);
    if (problems.length > 0) throw new Error(`wrong settings of rules:\n${problems.join("\n")}`);
    known.set(key, context);
    return context;
  };
}

function withKnobs(context: Context, rule: string, settings: JsonObject): Context {
  return { ...context, knobs: { ...context.knobs, [rule]: { ...context.knobs[rule], ...settings } } };
}

/** `urn:pulumi:STACK::PROJECT::TYPE::NAME`. */
function stackOf(urn: string): string {
  return urn.split("::")[0]?.split(":").at(-1) ?? "";
}

function toPolicySchema({ properties }: ConfigSchema): PolicyConfigSchema {
  return { properties: properties as PolicyConfigSchema["properties"] };
}
