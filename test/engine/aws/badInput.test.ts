/** What cannot work on AWS is refused by the real program before there is any resource. No cluster is needed. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import type { AwsConfig } from "../../../config/schema.ts";
import { parseConfig } from "../../../config.ts";
import { assumed } from "../../../tools/rehearse/config.ts";
import { createRoom, type Room } from "../../../tools/rehearse/room.ts";
import { rawConfig } from "../../../tools/stack/rawConfig.ts";

const base = { "mlops:environment": "aws", "mlops:region": "us-east-1" };
const good: Readonly<Record<string, unknown>> = { ...base, ...assumed(base) };
let room: Room;

beforeAll(async () => {
  room = await createRoom(parseConfig(rawConfig(good), new Set()) as AwsConfig, { config: good });
});

afterAll(() => room?.remove());

/** What `pulumi up` says of a configuration that it refuses. */
async function refusal(config: Readonly<Record<string, unknown>>): Promise<string> {
  const file = join(room.root, ".mlops", "config", "Pulumi.aws.yaml");
  const { encryptionsalt } = parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  writeFileSync(
    file,
    stringify({ encryptionsalt, config: { ...config, "mlops:chartsDir": ".mlops/charts" } }),
  );
  const { code, stdout } = await room.pulumi(["up", "--yes", "--skip-preview"], { allowFailure: true });
  expect(code, stdout).not.toBe(0);
  // A stack trace is no message.
  expect(stdout).not.toMatch(/\n\s+at .*\.ts:\d+/);
  const { stdout: state } = await room.pulumi(["stack", "export"]);
  const { deployment } = JSON.parse(state) as { deployment: { resources?: { type: string }[] } };
  expect((deployment.resources ?? []).filter(({ type }) => type !== "pulumi:pulumi:Stack")).toEqual([]);
  return stdout;
}

describe("configuration of the aws stack", () => {
  it("that names nothing is told all that it lacks at once", async () => {
    const said = await refusal(base);
    expect(said).toContain("the configuration has 3 problem(s); nothing was changed.");
    expect(said).toContain("mlops:accountId: missing; must be the 12 digits of the AWS account, in quotes");
    expect(said).toContain("mlops:owner: missing; must be an e-mail address");
    expect(said).toContain("mlops:api: set api.publicAccessCidrs to the networks that may reach the cluster");
  });

  it("is refused with every impossible part at once", async () => {
    const said = await refusal({
      ...good,
      "mlops:region": "eu-west-1",
      "mlops:kubernetesVersion": "1.31",
      "mlops:network": { cidr: "10.0.0.0/24", reservedCidrs: ["10.0.0.0/16"] },
      "mlops:nodeGroups": { t4: { min: 3, max: 2 } },
      "mlops:domain": { name: "mlops.example.com" },
      "mlops:api": { publicAccessCidrs: ["0.0.0.0/0"] },
    });
    for (const message of [
      "mlops:nodeGroups.l4.max = 1: eu-west-1 has no G6 instances; set it to 0 or take one of us-east-1",
      "mlops:nodeGroups.t4.max = 2: below min, which is 3",
      "mlops:kubernetesVersion = 1.31: out of support here",
      "mlops:network.cidr = 10.0.0.0/24: too small: allowed are /16 to /20",
      "mlops:network.cidr = 10.0.0.0/24: overlaps 10.0.0.0/16 of network.reservedCidrs",
      "mlops:domain.zoneId: missing; the Route 53 zone in which mlops.example.com lies",
      "mlops:domain.oidc: missing; without a login the dashboards would be open to the world",
      "mlops:api.publicAccessCidrs.0 = 0.0.0.0/0: wider than /8: that is the internet, not a network of yours",
    ]) {
      expect(said).toContain(message);
    }
  });
});

describe("charts of the aws stack", () => {
  const table = (): string => join(room.root, "charts.ts");

  it("need a digest that somebody checked", async () => {
    const text = readFileSync(table(), "utf8");
    writeFileSync(table(), text.replace(/digest: "sha256:[0-9a-f]{64}"/g, 'digest: "unverified"'));
    try {
      const said = await refusal(good);
      expect(said).toContain("nothing was changed; charts.ts: 13 problem(s)");
      expect(said).toContain(
        "mlflow: its digest is unverified, which the aws stack does not take; run `make lock`",
      );
      expect(said).toContain("external-secrets: its digest is unverified");
    } finally {
      writeFileSync(table(), text);
    }
  });

  it("are compared with it", async () => {
    const text = readFileSync(table(), "utf8");
    const wrong = text.replace(
      /(chart: "mlflow",[^}]*digest: )"sha256:[0-9a-f]{64}"/,
      `$1"sha256:${"0".repeat(64)}"`,
    );
    expect(wrong).not.toBe(text);
    writeFileSync(table(), wrong);
    try {
      expect(await refusal(good)).toMatch(
        /mlflow: \S+mlflow-1\.11\.5\.tgz: its digest is sha256:[0-9a-f]{64}, charts.ts pins/,
      );
    } finally {
      writeFileSync(table(), text);
    }
  });
});
