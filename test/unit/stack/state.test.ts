import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { exec } from "../../../tools/lib/exec.ts";
import { projectRoot } from "../../../tools/lib/paths.ts";
import { fileBackendUrl, policyPackOption } from "../../../tools/stack/paths.ts";
import { currentState } from "../../../tools/stack/stateFile.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mlops-state-"));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** Puts a CLI on PATH that runs `script`, and uses a backend that is not this checkout's. */
function elsewhere(script: string): void {
  const pulumi = join(folder, "pulumi");
  writeFileSync(pulumi, `#!/bin/sh\n${script}\n`);
  chmodSync(pulumi, 0o755);
  vi.stubEnv("PATH", `${folder}${delimiter}${process.env.PATH}`);
  vi.stubEnv("PULUMI_BACKEND_URL", "s3://states-of-ours");
}

describe("currentState", () => {
  const resource = { urn: "urn:pulumi:local::mlops::a:b:C::x", type: "a:b:C" };

  it("asks another backend, so that `make down` does not take a stack there for an empty one", async () => {
    elsewhere(`echo '${JSON.stringify({ version: 3, deployment: { resources: [resource] } })}'`);
    expect((await currentState("local")).resources).toEqual([resource]);
  });

  it("is empty for a stack that is not there, and fails when the backend does not answer", async () => {
    elsewhere("echo \"error: no stack named 'local' found\" >&2; exit 1");
    expect((await currentState("local")).resources).toEqual([]);
    elsewhere('echo "error: no credentials" >&2; exit 1');
    await expect(currentState("local")).rejects.toThrow("no credentials");
  });
});

describe("fileBackendUrl", () => {
  it("writes what has a meaning in URLs as the CLI reads it back, and leaves the rest", () => {
    expect(fileBackendUrl("/home/ü n/50% #1?")).toBe("file:///home/ü n/50%25 %231%3F?metadata=skip");
    expect(fileBackendUrl("/home/me/mlops")).toBe("file:///home/me/mlops?metadata=skip");
  });
});

describe("./env", () => {
  it("says the same of backend and policy pack, in whatever folder the checkout lies", async () => {
    const checkout = join(folder, "ü n, 50% #1?");
    mkdirSync(join(checkout, "tools"), { recursive: true });
    copyFileSync(join(projectRoot, "env"), join(checkout, "env"));
    writeFileSync(join(checkout, "Pulumi.yaml"), "");
    writeFileSync(join(checkout, "tools", "bootstrap.sh"), "#!/bin/sh\necho /usr/bin\n", { mode: 0o755 });
    const script = '. ./env && printf "%s\n" "$PULUMI_BACKEND_URL" "$PULUMI_OPTION_POLICY_PACK"';
    const env = { MLOPS_NO_PREPARE: "1", PULUMI_BACKEND_URL: undefined };
    const { stdout } = await exec("sh", ["-c", script], { cwd: checkout, env });
    const said = [fileBackendUrl(join(checkout, ".mlops", "state")), policyPackOption(checkout)];
    expect(stdout.trimEnd().split("\n")).toEqual(said);
  });
});
