import { z } from "zod";
import { isReservedNamespace } from "../components/tenancy/names.ts";
import { impossibleAws } from "./awsCombinations.ts";
import type { ConfigProblem } from "./problems.ts";
import { defaultPorts, type LocalNode, node, team } from "./schema.ts";

/** Combinations that are well-formed one by one and cannot work together. */
export function impossible(values: Readonly<Record<string, unknown>>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const say = (key: string, value: unknown, message: string): void => {
    problems.push({ key: `mlops:${key}`, value: value === undefined ? undefined : String(value), message });
  };
  if (values.environment === "local" && values.cluster === "existing") {
    if (values.context === undefined) {
      say("context", undefined, "missing; cluster `existing` needs the kubeconfig context to use");
    }
  } else if (values.environment === "local") {
    for (const key of ["kubeconfig", "context"] as const) {
      if (values[key] !== undefined) say(key, values[key], "only for cluster `existing`");
    }
  }
  const nodes = z.array(node).safeParse(values.nodes);
  if (nodes.success) {
    problems.push(...impossibleNodes(nodes.data));
    if (values.cluster === "k3d") problems.push(...tooManyFakeGpus(nodes.data));
  }
  const teams = z.array(team).safeParse(values.teams);
  if (teams.success) {
    for (const duplicate of duplicates(teams.data.map((t) => t.name))) {
      say("teams", duplicate, "two teams have this name");
    }
    for (const [index, { name }] of teams.data.entries()) {
      if (isReservedNamespace(name)) {
        say(`teams.${index}.name`, name, "the namespace of this name is the cluster's or the platform's own");
      }
    }
  }
  if (values.environment === "aws") problems.push(...impossibleAws(values));
  const registryPort = values.registryPort ?? defaultPorts.registry;
  if (values.environment === "local" && registryPort === (values.ingressPort ?? defaultPorts.ingress)) {
    say("registryPort", registryPort, "is the ingress port too; choose another");
  }
  return problems;
}

function impossibleNodes(nodes: readonly LocalNode[]): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const say = (at: string, value: unknown, message: string): void => {
    problems.push({ key: `mlops:nodes.${at}`, value: String(value), message });
  };
  for (const [index, { name: nodeName, gpus, accelerator }] of nodes.entries()) {
    if (gpus > 0 && accelerator === undefined) {
      say(`${index}.gpus`, gpus, `node ${nodeName} has GPUs but no accelerator; set accelerator to l4 or t4`);
    }
    if (gpus === 0 && accelerator !== undefined) {
      say(`${index}.accelerator`, accelerator, `node ${nodeName} has an accelerator but no GPUs; set gpus`);
    }
  }
  for (const duplicate of duplicates(nodes.map((n) => n.name))) {
    say("name", duplicate, "two nodes have this name");
  }
  const servers = nodes.filter((n) => n.role === "server").length;
  if (servers !== 1) {
    say("role", `${servers} server(s)`, "exactly one node must have role server");
  }
  return problems;
}

/** The simulated device plugin that a k3d cluster gets declares one GPU a node, whatever is asked. */
function tooManyFakeGpus(nodes: readonly LocalNode[]): ConfigProblem[] {
  return [...nodes.entries()]
    .filter(([, { gpus }]) => gpus > 1)
    .map(([index, { name, gpus }]) => ({
      key: `mlops:nodes.${index}.gpus`,
      value: String(gpus),
      message: `node ${name} can have one simulated GPU on k3d; describe more nodes instead`,
    }));
}

function duplicates(names: readonly string[]): string[] {
  return [...new Set(names.filter((n, index) => names.indexOf(n) !== index))];
}
