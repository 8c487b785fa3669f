import type { Container, WorkflowSpec } from "./template.ts";

/** What the namespace of a workflow holds, by name; undefined where there is no such object. */
export interface NamespaceReader {
  configMap(name: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** Values decoded. */
  secret(name: string): Promise<Readonly<Record<string, string>> | undefined>;
}

type Kind = "configMap" | "secret";
type Source = {
  readonly kind: Kind;
  readonly name: string;
  readonly optional: boolean;
  readonly key?: string;
};

/** ConfigMaps and Secrets, read once, before anything runs. */
export interface Environments {
  /** The environment that a container declares. */
  of(container: Container): Record<string, string>;
  /** Everything that a log must not show. */
  readonly secrets: readonly string[];
}

/**
 * Reads every ConfigMap and Secret that the templates name.
 *
 * @throws Error listing each that is missing.
 */
export async function readEnvironments(
  spec: WorkflowSpec,
  namespace: NamespaceReader,
): Promise<Environments> {
  const found = new Map<string, Readonly<Record<string, string>>>();
  const problems = new Set<string>();
  const containers = spec.templates.flatMap(({ container }) => (container === undefined ? [] : [container]));
  for (const source of containers.flatMap(sourcesOf)) {
    const id = `${source.kind} "${source.name}"`;
    const values = found.get(id) ?? (await namespace[source.kind](source.name));
    if (values !== undefined) found.set(id, values);
    if (source.optional) continue;
    if (values === undefined) problems.add(`${id} does not exist`);
    else if (source.key !== undefined && values[source.key] === undefined)
      problems.add(`${id} has no key ${source.key}`);
  }
  if (problems.size > 0) {
    const listed = [...problems].map((problem) => `  - ${problem}`).join("\n");
    throw new Error(
      `the namespace lacks what the steps take their environment from; run \`make up\`:\n${listed}`,
    );
  }
  const secrets = [...found].flatMap(([id, values]) =>
    id.startsWith("secret ") ? Object.values(values) : [],
  );
  return {
    // Short values would blot out half of the log.
    secrets: [...new Set(secrets)].filter((secret) => secret.length >= 6),
    of: (container) => ({
      ...Object.assign({}, ...container.envFrom.map((from) => found.get(idOf(sourceOf(from))) ?? {})),
      ...Object.fromEntries(
        container.env.flatMap((variable) => {
          if ("value" in variable) return [[variable.name, variable.value]];
          const source = keySourceOf(variable.valueFrom);
          const value = found.get(idOf(source))?.[source.key ?? ""];
          return value === undefined ? [] : [[variable.name, value]];
        }),
      ),
    }),
  };
}

function idOf({ kind, name }: Source): string {
  return `${kind} "${name}"`;
}

function sourcesOf(container: Container): Source[] {
  return [
    ...container.envFrom.map(sourceOf),
    ...container.env.flatMap((variable) =>
      "valueFrom" in variable ? [keySourceOf(variable.valueFrom)] : [],
    ),
  ];
}

function sourceOf(from: Container["envFrom"][number]): Source {
  const [kind, reference] =
    "configMapRef" in from
      ? (["configMap", from.configMapRef] as const)
      : (["secret", from.secretRef] as const);
  return { kind, name: reference.name, optional: reference.optional === true };
}

function keySourceOf(from: Extract<Container["env"][number], { valueFrom: unknown }>["valueFrom"]): Source {
  const [kind, reference] =
    "configMapKeyRef" in from
      ? (["configMap", from.configMapKeyRef] as const)
      : (["secret", from.secretKeyRef] as const);
  return { kind, name: reference.name, optional: reference.optional === true, key: reference.key };
}
