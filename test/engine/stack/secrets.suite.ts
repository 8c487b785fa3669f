import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { pulumiHome } from "../../../tools/lib/paths.ts";
import { secretsBelow, secretsIn } from "../../support/secrets.ts";
import type { Workspace } from "../../support/workspace.ts";

export interface SecretsCase {
  readonly workspace: Workspace;
  /** Every generated secret, by a name that may be shown. */
  readonly secrets: ReadonlyMap<string, string>;
}

/** Files that exist to hold secrets. */
const keepers = /^(passphrase|embedded\/(handover\.json|kubeconfig|secrets\/.*))$/;

/** Checks that what the stack generated stands nowhere in plain, in the files and words of all runs so far. */
export function checkSecrets(get: () => SecretsCase): void {
  it("were generated, each of them", () => {
    const names = [...get().secrets.keys()].join(", ");
    for (const system of ["adminToken", "minioSecretKey", "passphrase", "argocd", "grafana", "workflows"]) {
      expect(names).toContain(system);
    }
    for (const value of get().secrets.values()) expect(value.length).toBeGreaterThanOrEqual(16);
  });

  it("stand in no file but those that exist to hold them, which only their owner can read", () => {
    const { workspace, secrets } = get();
    const found = secretsBelow(workspace.path(".mlops"), secrets);
    const holding = [...found.keys()];
    expect([...found].filter(([file]) => !keepers.test(file))).toEqual([]);
    for (const file of holding) {
      expect(statSync(workspace.path(".mlops", file)).mode & 0o077, file).toBe(0);
    }
    // The search itself works.
    expect(found.get("passphrase")).toEqual(["passphrase"]);
  });

  it("stand in no log of Pulumi's own folder", () => {
    const plugins = (file: string): boolean => file.startsWith("plugins/") || file.startsWith("bin/");
    expect(existsSync(join(pulumiHome(), "plugins"))).toBe(true);
    expect(secretsBelow(pulumiHome(), get().secrets, plugins)).toEqual(new Map());
  });

  it("were never printed", () => {
    const said = get().workspace.transcript();
    expect(said).toContain("[secret]");
    expect(secretsIn(Buffer.from(said), get().secrets)).toEqual([]);
  });
}
