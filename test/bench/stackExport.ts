/** What a stack installed, read from `pulumi stack export --show-secrets`. */

export interface Release {
  readonly name: string;
  readonly namespace: string;
  /** Path relative to the project. */
  readonly chart: string;
  readonly version: string;
  readonly timeout: number;
  readonly values: unknown;
  readonly needs: readonly string[];
}

/** A Kubernetes object as the program declared it. */
export interface KubernetesObject {
  /** Type token of its resource. */
  readonly type: string;
  /** Logical name of its resource. */
  readonly name: string;
  readonly inputs: object;
}

export interface Installed {
  /** Each after the ones it needs. */
  readonly releases: readonly Release[];
  /** Namespaces, Secrets and the like that the releases take for granted. */
  readonly prerequisites: readonly KubernetesObject[];
  /** Everything on the cluster besides the releases. */
  readonly objects: readonly KubernetesObject[];
}

interface ExportedResource {
  readonly urn: string;
  readonly type: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
}

/** Marks a secret in an export. */
const secretKey = "4dabf18193072939515e22adb298388d";

function reveal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reveal);
  if (typeof value !== "object" || value === null) return value;
  if (secretKey in value && "plaintext" in value) return reveal(JSON.parse(String(value.plaintext)));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, reveal(inner)]));
}

/** Built-in kinds: others need a CRD that some release brings. */
const builtIn = /^kubernetes:(core|rbac\.authorization\.k8s\.io|networking\.k8s\.io|policy|apps|batch)\//;

/** @param needs charts that each chart needs, by name. */
export function installedBy(
  json: string,
  needs: Readonly<Record<string, { readonly needs: readonly string[] }>>,
): Installed {
  const { deployment } = JSON.parse(json) as { deployment: { resources: ExportedResource[] } };
  const releases = deployment.resources
    .filter((resource) => resource.type === "kubernetes:helm.sh/v3:Release")
    .map((resource) => {
      const inputs = reveal(resource.inputs) as Omit<Release, "needs">;
      return { ...inputs, needs: needs[inputs.name]?.needs ?? [] };
    });
  const objects = deployment.resources
    .filter(({ type }) => type.startsWith("kubernetes:") && type !== "kubernetes:helm.sh/v3:Release")
    .map(({ type, urn, inputs }) => ({
      type,
      name: urn.slice(urn.lastIndexOf("::") + 2),
      inputs: reveal(inputs) as object,
    }));
  const prerequisites = objects.filter(({ type }) => builtIn.test(type));
  return { releases: inOrder(releases), prerequisites, objects };
}

function inOrder(releases: readonly Release[]): Release[] {
  const ordered: Release[] = [];
  const add = (release: Release): void => {
    if (ordered.includes(release)) return;
    for (const need of release.needs) releases.filter((r) => r.name === need).forEach(add);
    ordered.push(release);
  };
  releases.forEach(add);
  return ordered;
}

/** Seconds along the longest chain of needs, given what each release takes alone. */
export function criticalPath(
  releases: readonly Release[],
  seconds: Readonly<Record<string, number>>,
): { readonly seconds: number; readonly path: readonly string[] } {
  const ends = new Map<string, { seconds: number; path: string[] }>();
  for (const release of releases) {
    const before = release.needs
      .flatMap((need) => ends.get(need) ?? [])
      .sort((a, b) => b.seconds - a.seconds)[0] ?? { seconds: 0, path: [] };
    ends.set(release.name, {
      seconds: before.seconds + (seconds[release.name] ?? 0),
      path: [...before.path, release.name],
    });
  }
  return [...ends.values()].sort((a, b) => b.seconds - a.seconds)[0] ?? { seconds: 0, path: [] };
}
