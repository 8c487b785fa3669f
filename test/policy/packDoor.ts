import type { ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { policiesOf } from "../../policy/pack/policies.ts";
import type { Context } from "../../policy/rules/types.ts";

/** A resource as a program declares it. */
export interface DeclaredResource {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
  /** Names of the buckets that an input refers to. */
  readonly references?: Record<string, readonly string[]>;
}

const options = {
  protect: false,
  ignoreChanges: [],
  aliases: [],
  customTimeouts: { createSeconds: 0, updateSeconds: 0, deleteSeconds: 0 },
  additionalSecretOutputs: [],
};

const calls = {
  opts: options,
  stackTags: new Map<string, string>(),
  isType: () => false,
  asType: () => undefined,
  getConfig: <T extends object>() => ({}) as T,
  notApplicable: (reason?: string): never => {
    throw new Error(reason);
  },
};

/** Runs every policy of the pack on a resource, as CrossGuard does. Returns what each policy reported. */
export async function reportsOn(resource: DeclaredResource, context: Context): Promise<[string, string][]> {
  const reported: [string, string][] = [];
  const args = { ...calls, ...argumentsOf(resource) };
  for (const policy of policiesOf(() => context)) {
    if (!("validateResource" in policy)) continue;
    const { name, validateResource } = policy as ResourceValidationPolicy;
    const validations = [validateResource ?? []].flat();
    for (const validate of validations) await validate(args, (message) => reported.push([name, message]));
  }
  return reported;
}

/** Runs the stack policies of the pack on resources. Returns the names of those that reported. */
export async function reportsOnStack(
  resources: readonly DeclaredResource[],
  context: Context,
): Promise<string[]> {
  const reported: string[] = [];
  const declared = resources.map((resource) => ({
    ...calls,
    ...argumentsOf(resource),
    dependencies: [],
    propertyDependencies: {} as Record<string, { urn: string }[]>,
  }));
  for (const [index, { references = {} }] of resources.entries()) {
    for (const [property, names] of Object.entries(references)) {
      const targets = declared.filter(({ type, name }) => type.endsWith(":Bucket") && names.includes(name));
      Object.assign(declared[index]?.propertyDependencies ?? {}, { [property]: targets });
    }
  }
  for (const policy of policiesOf(() => context)) {
    if (!("validateStack" in policy)) continue;
    const { name, validateStack } = policy as StackValidationPolicy;
    await validateStack({ ...calls, resources: declared as never }, () => reported.push(name));
  }
  return reported;
}

let declarations = 0;

/** As in a stack, no two resources have one URN. */
function argumentsOf({ type, name, inputs }: DeclaredResource) {
  declarations += 1;
  return { type, name, props: inputs, urn: `urn:pulumi:test::mlops::${type}::${name}-${declarations}` };
}
