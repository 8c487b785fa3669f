import { describe, expect, it } from "vitest";
import { gatewaySettings, reconcilerSettings, sourcesOf } from "../../../apps/gateway/settings.ts";

const good = {
  MLOPS_BUCKET_MODEL_REGISTRY: "model-registry",
  AWS_REGION: "us-east-1",
  MLOPS_TRITON_URLS: "http://a:8000,http://b:8000",
};

describe("settings", () => {
  it("have defaults for all but the object store, the servers and, for the reconciler, the gateways", async () => {
    const settings = gatewaySettings(good);
    expect(settings).toMatchObject({ MLOPS_GATEWAY_PORT: 8080, MLOPS_GATEWAY_ADMIN_PORT: 8081 });
    expect(Object.keys(sourcesOf(settings))).toEqual(["triton"]);
    expect(await sourcesOf(settings).triton?.()).toEqual(["http://a:8000", "http://b:8000"]);
    const urls = { MLOPS_GATEWAY_ADMIN_URLS: "dns+http://gateway-replicas:8081" };
    expect(reconcilerSettings({ ...good, ...urls }).MLOPS_RECONCILER_PORT).toBe(8082);
  });

  it("name every problem at once", () => {
    const bad = { ...good, AWS_REGION: undefined, MLOPS_TRITON_URLS: "ftp://a", MLOPS_GATEWAY_PORT: "http" };
    const message = messageOf(() => gatewaySettings(bad));
    for (const name of ["AWS_REGION", "MLOPS_TRITON_URLS", "ftp://a", "MLOPS_GATEWAY_PORT"]) {
      expect(message).toContain(name);
    }
    expect(messageOf(() => reconcilerSettings(good))).toContain("MLOPS_GATEWAY_ADMIN_URLS");
    const without = { ...good, MLOPS_TRITON_URLS: undefined };
    expect(messageOf(() => gatewaySettings(without))).toContain("at least one must be set");
  });
});

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("it did not fail");
}
