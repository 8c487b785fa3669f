import { PolicyPack } from "@pulumi/policy";
import { policiesOf } from "./pack/policies.ts";
import { readMessagesOnce } from "./pack/readOnce.ts";
import { platformContext, readStackConfig } from "./platform.ts";
import type { Context } from "./rules/types.ts";

const root = `${import.meta.dirname}/..`;

const contexts = new Map<string, Context>();

function contextOf(stack: string): Context {
  const context = contexts.get(stack) ?? platformContext(stack, readStackConfig(stack, root) ?? {});
  contexts.set(stack, context);
  return context;
}

// @pulumi/policy reads the pack's version from package.json in the working directory: ours, wherever it runs.
process.chdir(root);

readMessagesOnce();
new PolicyPack("mlops", { policies: policiesOf(contextOf) });
