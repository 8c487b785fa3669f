import { describe, expect, it } from "vitest";
import { chooseCluster } from "../../../tools/stack/chooseCluster.ts";

const docker = (runs: boolean) => async (): Promise<boolean> => runs;

describe("chooseCluster", () => {
  it("takes k3d where Docker runs, the embedded cluster elsewhere", async () => {
    const fresh = { configured: undefined, requested: undefined, hasResources: false };
    expect(await chooseCluster({ ...fresh, dockerRuns: docker(true) })).toBe("k3d");
    expect(await chooseCluster({ ...fresh, dockerRuns: docker(false) })).toBe("embedded");
  });

  it("never switches when Docker comes or goes", async () => {
    const kept = { requested: undefined, hasResources: true };
    expect(await chooseCluster({ ...kept, configured: "embedded", dockerRuns: docker(true) })).toBe(
      "embedded",
    );
    expect(await chooseCluster({ ...kept, configured: "k3d", dockerRuns: docker(false) })).toBe("k3d");
  });

  it("follows CLUSTER as long as the stack is empty, and refuses to move it later", async () => {
    const asked = { configured: "k3d", requested: "embedded", dockerRuns: docker(true) };
    expect(await chooseCluster({ ...asked, hasResources: false })).toBe("embedded");
    await expect(chooseCluster({ ...asked, hasResources: true })).rejects.toThrow(
      /already lives on cluster `k3d`.*make down/,
    );
    expect(await chooseCluster({ ...asked, requested: "k3d", hasResources: true })).toBe("k3d");
  });

  it("refuses an unknown kind by name", async () => {
    await expect(
      chooseCluster({
        configured: undefined,
        requested: "minikube",
        hasResources: false,
        dockerRuns: docker(true),
      }),
    ).rejects.toThrow("CLUSTER=minikube: unknown kind of cluster; allowed: embedded, k3d, existing");
  });
});
