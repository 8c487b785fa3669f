import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { drainScript } from "../../../components/aws/drain.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mlops-drain-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs the script with a kubectl that notes its arguments and then does what is given. */
function drain(kubectl: string, timeoutSeconds: number) {
  const calls = join(folder, "calls");
  const path = join(folder, "kubectl");
  writeFileSync(path, `#!/bin/sh\nshift 2; echo "$@" >>${calls}\n${kubectl}\n`);
  chmodSync(path, 0o755);
  const script = drainScript({
    remove: ["delete ingress --all"],
    remaining: ["get ingress -o name", "get service -o name"],
    timeoutSeconds,
    hint: "load balancers are still there",
  });
  const result = spawnSync("sh", ["-c", script], {
    env: { PATH: `${folder}:${process.env.PATH}`, KUBECONFIG_CONTENT: "{}", TMPDIR: folder },
    encoding: "utf8",
  });
  const left = execFileSync("ls", [folder], { encoding: "utf8" }).trim().split("\n");
  return { ...result, calls: readFileSync(calls, "utf8").trim().split("\n"), left };
}

describe("drain script", () => {
  it("removes, sees that nothing is left, and leaves no kubeconfig behind", () => {
    const { status, calls, left } = drain("exit 0", 60);
    expect(status).toBe(0);
    expect(calls).toEqual(["delete ingress --all", "get ingress -o name", "get service -o name"]);
    expect(left).toEqual(["calls", "kubectl"]);
  });

  it("says what is left when the time is up", () => {
    const { status, stderr } = drain('[ "$2" = service ] && echo service/stuck; exit 0', 0);
    expect(status).toBe(1);
    expect(stderr).toContain("load balancers are still there");
    expect(stderr).toContain("service/stuck");
  });

  it("does not take a cluster that does not answer for an empty one", () => {
    const { status } = drain('[ "$1" = get ] && exit 1; exit 0', 60);
    expect(status).not.toBe(0);
  });
});
