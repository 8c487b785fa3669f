import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Workspace } from "./workspace.ts";

/** What the state reveals of one resource: secret values stand as JSON in `plaintext`. */
interface RevealedResource {
  readonly type: string;
  readonly urn: string;
  readonly outputs?: Readonly<Record<string, { readonly plaintext?: string } | undefined>>;
}

/** Every password and token that was generated for the stack and its cluster, by a name that may be shown. */
export async function generatedSecrets(workspace: Workspace): Promise<Map<string, string>> {
  const secrets = new Map(Object.entries(embeddedCredentials(workspace)));
  secrets.set("passphrase", readFileSync(workspace.path(".mlops", "passphrase"), "utf8").trim());
  const exported = await workspace.inEnv("pulumi stack export --show-secrets --stack local", {
    reveals: true,
  });
  const { deployment } = JSON.parse(exported.stdout) as { deployment: { resources: RevealedResource[] } };
  for (const { type, urn, outputs = {} } of deployment.resources) {
    const name = urn.slice(urn.lastIndexOf(":") + 1);
    const reveal = (output: string): unknown => JSON.parse(outputs[output]?.plaintext ?? "null");
    if (type === "random:index/randomPassword:RandomPassword") {
      secrets.set(name, String(reveal("result")));
      secrets.set(`${name} hash`, String(reveal("bcryptHash")));
    } else if (type === "kubernetes:core/v1:Secret") {
      const { token } = (reveal("data") ?? {}) as { token?: string };
      if (token !== undefined) secrets.set(`${name} token`, Buffer.from(token, "base64").toString());
    }
  }
  return secrets;
}

function embeddedCredentials(workspace: Workspace): Record<string, string> {
  const file = workspace.path(".mlops", "embedded", "secrets", "credentials.json");
  const { adminToken, minioSecretKey } = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  if (!adminToken || !minioSecretKey) throw new Error(`${file} lacks what it should hold`);
  return { adminToken, minioSecretKey };
}

/** Names of the secrets that stand in `content`, as they are or in base64. */
export function secretsIn(content: Buffer, secrets: ReadonlyMap<string, string>): string[] {
  const stands = (value: string): boolean =>
    content.includes(value) || content.includes(Buffer.from(value).toString("base64").replace(/=+$/, ""));
  return [...secrets].filter(([, value]) => stands(value)).map(([name]) => name);
}

/** Files below a folder that hold secrets, by path relative to it, with the secrets' names. */
export function secretsBelow(
  folder: string,
  secrets: ReadonlyMap<string, string>,
  skip: (relative: string) => boolean = () => false,
): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const relative = path.slice(folder.length + 1);
    if (!entry.isFile() || skip(relative)) continue;
    const names = secretsIn(readFileSync(path), secrets);
    if (names.length > 0) found.set(relative, names);
  }
  return found;
}
