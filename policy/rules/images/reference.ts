/** An image reference taken apart and normalised as container runtimes do. */
export interface ImageReference {
  /** Host and port: `docker.io` for short names. */
  readonly registry: string;
  /** Registry and path without tag and digest: `docker.io/library/nginx`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

/** Patterns of a reference's parts, in the syntax that JavaScript and RE2 (CEL) share. Source: distribution/reference. */
export const REFERENCE = {
  host: String.raw`(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:.]+\])(?::[0-9]+)?`,
  component: String.raw`[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*`,
  tag: "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}",
  digest: "sha256:[0-9a-f]{64}",
} as const;

const { host, component, tag, digest } = REFERENCE;

/** A whole reference; the host is optional, and the API accepts nothing around it. */
export const REFERENCE_PATTERN = `^(?:${host}/)?${component}(?:/${component})*(?::${tag})?(?:@${digest})?$`;

const WELL_FORMED = new RegExp(REFERENCE_PATTERN);
const DIGEST = new RegExp(`^${digest}$`);

/** Says why a reference is malformed, or takes it apart. */
export function parseImage(text: string): ImageReference | { readonly malformed: string } {
  const at = text.indexOf("@");
  const named = at < 0 ? text : text.slice(0, at);
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const colon = named.lastIndexOf(":");
  const tagged = colon > named.lastIndexOf("/");
  const name = tagged ? named.slice(0, colon) : named;

  if (/\s/.test(text)) return { malformed: "it contains white space" };
  if (/[A-Z]/.test(name)) return { malformed: "registry and path must be lower case" };
  if (digest !== undefined && !DIGEST.test(digest)) {
    return { malformed: "its digest is not `sha256:` and 64 lower-case hexadecimal digits" };
  }
  if (!WELL_FORMED.test(text)) return { malformed: "it is not an image reference" };

  const repository = normaliseRepository(name);
  return {
    registry: repository.slice(0, repository.indexOf("/")),
    repository,
    ...(tagged && { tag: named.slice(colon + 1) }),
    ...(digest !== undefined && { digest }),
  };
}

/**
 * Adds what a short name leaves out. The first part is a host only with a dot, a port, or as `localhost`:
 * `team/app` is `docker.io/team/app`, `team.example/app` is not. `docker.io/redis` is a short name, too.
 */
function normaliseRepository(name: string): string {
  const slash = name.indexOf("/");
  if (slash < 0) return `docker.io/library/${name}`;
  const first = name.slice(0, slash);
  if (first === "docker.io" || first === "index.docker.io") {
    const path = name.slice(slash + 1);
    return path.includes("/") ? `docker.io/${path}` : `docker.io/library/${path}`;
  }
  const isHost = /[.:]/.test(first) || first === "localhost";
  return isHost ? name : `docker.io/${name}`;
}

/** True when a repository lies in a registry entry (`host[:port][/path]`), whole path components compared. */
export function liesIn(repository: string, entry: string): boolean {
  return repository === entry || repository.startsWith(`${entry}/`);
}
