import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { impossibleAws } from "../../../config/awsCombinations.ts";
import { awsSettings, awsTextKeys } from "../../../config/awsSchema.ts";
import { type ConfigurationName, configurations } from "./configurations.ts";

const good = configurations.default;

/** The one problem of a configuration that differs from a good one in what is given. */
function problemOf(changes: Readonly<Record<string, unknown>>) {
  const problems = impossibleAws({ ...good, ...changes });
  expect(problems).toHaveLength(1);
  return problems[0];
}

describe("aws configuration", () => {
  it.each(Object.keys(configurations) as ConfigurationName[])("%s is possible", (name) => {
    expect(awsSettings.safeParse(configurations[name]).error).toBeUndefined();
    expect(impossibleAws(configurations[name])).toEqual([]);
  });

  it("asks for account, owner and region, and for nothing else that has a sane default", () => {
    const issues = awsSettings.safeParse({}).error?.issues ?? [];
    expect(issues.map(({ path }) => path.join("."))).toEqual(["region", "accountId", "owner"]);
  });

  it("keeps numbers that are no numbers as text", () => {
    expect(awsTextKeys).toEqual(expect.arrayContaining(["accountId", "kubernetesVersion"]));
    expect(awsSettings.safeParse({ ...good, accountId: 123456789012 }).success).toBe(false);
  });

  it("refuses unknown keys at every depth", () => {
    expect(awsSettings.safeParse({ ...good, regoin: "x" }).success).toBe(false);
    expect(awsSettings.safeParse({ ...good, network: { natGateway: "single" } }).success).toBe(false);
  });
});

describe("impossible combinations", () => {
  it.each([
    ["a region without G6", { region: "eu-west-1" }, "nodeGroups.l4.max", "eu-west-1 has no G6 instances"],
    ["a region without G4dn", { region: "eu-south-2" }, "nodeGroups.t4.max", "eu-south-2 has no G4dn"],
    ["an unknown region", { region: "xx-north-1" }, "region", "us-east-1"],
    ["a zone of another region", { zones: ["us-east-1a", "us-west-2b"] }, "zones", "not a zone of us-east-1"],
    ["a zone twice", { zones: ["us-east-1a", "us-east-1a"] }, "zones", "listed twice"],
    ["a GPU maximum below its minimum", { nodeGroups: { t4: { min: 3, max: 2 } } }, "nodeGroups.t4.max", "3"],
    [
      "a system maximum below its minimum",
      { nodeGroups: { system: { minPerZone: 3, maxPerZone: 2 } } },
      "nodeGroups.system.maxPerZone",
      "below minPerZone",
    ],
    [
      "no system node",
      { nodeGroups: { system: { minPerZone: 0 } } },
      "nodeGroups.system.minPerZone",
      "at least 1",
    ],
    [
      "more zones of nodes than zones",
      { zones: ["us-east-1a", "us-east-1b"], nodeGroups: { system: { zones: 3 } } },
      "nodeGroups.system.zones",
      "the stack has 2 zones",
    ],
    [
      "GPU nodes in a zone that the stack has not",
      { nodeGroups: { l4: { zones: ["us-east-1f"] } } },
      "nodeGroups.l4.zones",
      "us-east-1a, us-east-1b, us-east-1c",
    ],
    [
      "an instance type without the class's GPU",
      { nodeGroups: { l4: { instanceTypes: ["g4dn.xlarge"] } } },
      "nodeGroups.l4.instanceTypes",
      "g6.xlarge",
    ],
    [
      "GPU instances for the system",
      { nodeGroups: { system: { instanceTypes: ["g6.xlarge"] } } },
      "nodeGroups.system.instanceTypes",
      "t3a.large",
    ],
    [
      "instance types of several sizes",
      { nodeGroups: { t4: { instanceTypes: ["g4dn.xlarge", "g4dn.2xlarge"] } } },
      "nodeGroups.t4.instanceTypes",
      "must be of one size",
    ],
    ["a network that is too small", { network: { cidr: "10.0.0.0/21" } }, "network.cidr", "too small"],
    ["a network that is too large", { network: { cidr: "10.0.0.0/12" } }, "network.cidr", "too large"],
    ["a network of others", { network: { cidr: "52.0.0.0/16" } }, "network.cidr", "must lie in 10.0.0.0/8"],
    ["a network over the services", { network: { cidr: "172.20.0.0/16" } }, "network.cidr", "services"],
    ["an address in the middle", { network: { cidr: "10.0.1.0/16" } }, "network.cidr", "10.0.0.0/16"],
    [
      "a network over a reserved one",
      { network: { cidr: "10.42.0.0/16", reservedCidrs: ["10.42.8.0/24"] } },
      "network.cidr",
      "overlaps 10.42.8.0/24",
    ],
    [
      "a malformed reserved network",
      { network: { reservedCidrs: ["10.0.0.9/8"] } },
      "network.reservedCidrs.0",
      "10.0.0.0/8",
    ],
    ["a cluster that nobody reaches", { api: {} }, "api", "could not reach the cluster"],
    [
      "an API for the whole internet",
      { api: { publicAccessCidrs: ["0.0.0.0/0"] } },
      "api.publicAccessCidrs.0",
      "the internet",
    ],
    [
      "an API for half of the internet",
      { api: { publicAccessCidrs: ["128.0.0.0/1"] } },
      "api.publicAccessCidrs.0",
      "the internet",
    ],
    [
      "an API for a private network",
      { api: { publicAccessCidrs: ["192.168.0.0/24"] } },
      "api.publicAccessCidrs.0",
      "private network",
    ],
    ["an old Kubernetes", { kubernetesVersion: "1.34" }, "kubernetesVersion", "out of support"],
    [
      "an unknown database class",
      { database: { instanceClass: "db.x1.large" } },
      "database.instanceClass",
      "db.t4g.micro",
    ],
    [
      "storage that shrinks",
      { database: { storageGiB: 100, maxStorageGiB: 50 } },
      "database.maxStorageGiB",
      "below storageGiB",
    ],
    [
      "a domain without a zone",
      { domain: { ...configurations.production.domain, zoneId: undefined } },
      "domain.zoneId",
      "Route 53 zone",
    ],
    [
      "a domain that nobody may reach",
      { domain: configurations.production.domain, api: { insideVpc: true } },
      "domain.allowedCidrs",
      "may reach the dashboards",
    ],
    [
      "dashboards for the whole internet",
      { domain: { ...configurations.production.domain, allowedCidrs: ["203.0.113.0/24", "0.0.0.0/0"] } },
      "domain.allowedCidrs.1",
      "the internet",
    ],
    [
      "dashboards for a private network",
      { domain: { ...configurations.production.domain, allowedCidrs: ["10.0.0.0/8"] } },
      "domain.allowedCidrs.0",
      "private network",
    ],
    [
      "dashboards for no network",
      { domain: { ...configurations.production.domain, allowedCidrs: ["203.0.113.999/32"] } },
      "domain.allowedCidrs.0",
      "octets",
    ],
    [
      "a domain without a login",
      { domain: { ...configurations.production.domain, oidc: undefined } },
      "domain.oidc",
      "open to the world",
    ],
  ])("%s", (_, changes, key, message) => {
    const problem = problemOf(changes);
    expect(problem?.key).toBe(`mlops:${key}`);
    expect(problem?.message).toContain(message);
  });

  it("lets a region without GPUs pass when no GPU is asked for", () => {
    const nodeGroups = { l4: { max: 0 }, t4: { max: 0 } };
    expect(impossibleAws({ ...good, region: "eu-central-2", nodeGroups })).toEqual([]);
  });

  it("says everything at once, and says nothing of what is malformed", () => {
    const problems = impossibleAws({
      ...good,
      kubernetesVersion: "1.30",
      api: {},
      network: { cidr: "not a network" },
    });
    expect(problems.map(({ key }) => key)).toEqual(["mlops:kubernetesVersion", "mlops:api"]);
  });
});

describe("reading the configuration", () => {
  /** Packages that loading a file loads, through the project's own files. */
  function packagesOf(file: string, seen = new Set<string>()): Set<string> {
    const found = new Set<string>();
    if (seen.has(file)) return found;
    seen.add(file);
    for (const [, from = ""] of readFileSync(file, "utf8").matchAll(
      /^(?:import|export) (?!type )[^;]*?from "([^"]+)";/gm,
    )) {
      if (!from.startsWith(".")) found.add(from);
      else for (const name of packagesOf(join(dirname(file), from), seen)) found.add(name);
    }
    return found;
  }

  it.each([
    "awsSchema.ts",
    "awsCombinations.ts",
  ])("%s loads no provider: the local stack reads it too", (file) => {
    const packages = packagesOf(join(import.meta.dirname, "../../../config", file));
    expect([...packages]).toEqual(["zod"]);
  });
});
