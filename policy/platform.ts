import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { charts } from "../charts.ts";
import { defaultCostCenter, project } from "../components/aws/tags.ts";
import { localRegistry } from "../components/local/facts.ts";
import { pipelinesNamespace } from "../components/tenancy/names.ts";
import type { Config } from "../config/schema.ts";
import { createContext } from "./context.ts";
import { isObject, listAt, textAt } from "./rules/json.ts";
import type { Context, NamespaceFacts } from "./rules/types.ts";

/**
 * What surrounds the objects of a stack of ours, as far as its configuration says it.
 * @param stack its name
 * @param config its configuration as its file has it: `mlops:key` to value
 */
export function platformContext(stack: string, config: Readonly<Record<string, unknown>>): Context {
  const text = (key: string): string | undefined => textAt(config, `mlops:${key}`);
  const [account, region] = [text("accountId"), text("region")];
  const local = text("environment") === "aws" ? undefined : localRegistry;
  const own = [
    local,
    text("imageRegistry"),
    account && region && `${account}.dkr.ecr.${region}.amazonaws.com`,
  ];
  const specs = Object.values(charts);
  const namespaces = namespacesOf(config);
  return createContext({
    stack: text("environment") === "aws" ? "aws" : "local",
    ...(namespaces && { namespaces }),
    systemNamespaces: [...new Set(["kube-system", ...specs.map(({ namespace }) => namespace)])],
    registries: { own: own.filter((registry) => registry !== undefined && registry !== "") },
    chartRepositories: [...new Set(specs.map(({ repository }) => repository))],
    tags: known({
      Project: project,
      Stack: stack,
      Owner: text("owner"),
      CostCenter: text("costCenter") ?? defaultCostCenter,
    }),
  });
}

/** The context of a stack from its checked configuration, every default filled in. */
export function policyContext(config: Config): Context {
  const keyed = Object.entries(config).map(([key, value]) => [`mlops:${key}`, value]);
  return platformContext(config.environment, Object.fromEntries(keyed));
}

/** Any number: how many a cluster has, admission knows. */
const unbounded: NamespaceFacts = {
  gpuQuota: Number.MAX_SAFE_INTEGER,
  maximumGpus: Number.MAX_SAFE_INTEGER,
};

/** Teams and their GPUs; undefined where the file leaves them to the program's default. */
function namespacesOf(config: Readonly<Record<string, unknown>>): Record<string, NamespaceFacts> | undefined {
  const teams = listAt(config, "mlops:teams").filter(isObject);
  if (teams.length === 0) return undefined;
  const ofTeams = teams.map(({ name, gpus }): [string, NamespaceFacts] => {
    const quota = typeof gpus === "number" ? gpus : 0;
    return [String(name), { gpuQuota: quota, maximumGpus: quota }];
  });
  return Object.fromEntries([...ofTeams, [pipelinesNamespace, unbounded]]);
}

function known(tags: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tags).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/**
 * The configuration of a stack by name, from its file in the project's folder: the working copy where there is
 * one, else the tracked file. Undefined for a stack without a file.
 */
export function readStackConfig(stack: string, projectFolder: string): Record<string, unknown> | undefined {
  const texts = [".mlops/config", "."].map((folder) =>
    readIfThere(`${projectFolder}/${folder}/Pulumi.${stack}.yaml`),
  );
  const text = texts.find((candidate) => candidate !== undefined);
  if (text === undefined) return undefined;
  const file: unknown = parse(text);
  return isObject(file) && isObject(file.config) ? file.config : {};
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
