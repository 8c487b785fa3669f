import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Config } from "../../../config/schema.ts";
import { exec } from "../../../tools/lib/exec.ts";
import { stepsAfter } from "../../../tools/stack/nextSteps.ts";
import { summarize } from "../../../tools/stack/summary.ts";

describe("summarize", () => {
  it("says of a stack without outputs that it is not up", () => {
    expect(summarize({})).toEqual(["The local stack is not up; `make up` brings it up."]);
    expect(summarize({ cluster: "embedded" }).join("\n")).toContain("is up on cluster `embedded`");
  });
});

describe("stepsAfter", () => {
  const local = { environment: "local", cluster: "embedded" } as Config;

  it("writes the administrator's kubeconfig for nobody else to read", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mlops-steps-"));
    try {
      const step = stepsAfter(local).find((command) => command.includes("kubeconfig")) ?? "";
      const fakes = "mkdir -p .mlops; pulumi() { echo secret; }; kubectl() { :; }; umask 022";
      await exec("sh", ["-c", `${fakes}; ${step}`], { cwd: folder });
      expect(statSync(join(folder, ".mlops", "kubeconfig")).mode & 0o077).toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("points kubectl at the existing cluster's file and context, as a shell takes them", () => {
    const existing = { ...local, cluster: "existing", context: "home lab" } as Config;
    expect(stepsAfter(existing)).toContain("kubectl --context 'home lab' get pods --all-namespaces");
    const elsewhere = { ...existing, context: "home", kubeconfig: "~/.kube/home.yaml" } as Config;
    expect(stepsAfter(elsewhere)).toContain(
      "kubectl --kubeconfig ~/.kube/home.yaml --context home get pods --all-namespaces",
    );
  });
});
