import { describe, expect, it } from "vitest";
import { kubernetesRelease } from "../../../components/aws/versions.ts";
import { type Ask, AwsError } from "../../../tools/aws/ask.ts";
import { cliFinding, diagnoseAws, gpuCores, supportFinding } from "../../../tools/aws/doctor.ts";
import { account, settingsOf } from "./configurations.ts";

const arn = `arn:aws:sts::${account}:assumed-role/admin/me`;
const zoneIds = { "us-east-1a": "use1-az6", "us-east-1b": "use1-az1", "us-east-1c": "use1-az2" };
const zoneNames = Object.keys(zoneIds);

/** What AWS answers where all is well, by service and operation. */
const well: Readonly<Record<string, unknown>> = {
  "sts get-caller-identity": { Account: account, Arn: arn, UserId: "AROAEXAMPLE:me" },
  "ec2 describe-availability-zones": {
    AvailabilityZones: Object.entries(zoneIds).map(([ZoneName, ZoneId]) => ({
      ZoneName,
      ZoneId,
      State: "available",
    })),
  },
  "ec2 describe-instance-type-offerings": {
    InstanceTypeOfferings: ["t3a.large", "g6.xlarge", "g4dn.xlarge"].flatMap((InstanceType) =>
      zoneNames.map((Location) => ({ InstanceType, Location, LocationType: "availability-zone" })),
    ),
  },
  "service-quotas get-service-quota": { Quota: { QuotaCode: "L-DB2E81BA", Value: 8 } },
};

/** An AWS that answers well but for what is given; an error is thrown. */
function aws(changes: Readonly<Record<string, unknown>> = {}): Ask {
  return async (service = "", operation = "") => {
    const answer = { ...well, ...changes }[`${service} ${operation}`];
    if (answer instanceof Error) throw answer;
    return answer;
  };
}

const settings = settingsOf("default");
const wrong = async (ask: Ask) => (await diagnoseAws(ask, settings)).filter(({ state }) => state !== "ok");

describe("the doctor of the aws stack", () => {
  it("finds nothing wrong where nothing is", async () => {
    const findings = await diagnoseAws(aws(), settings);
    expect(findings.map(({ name, state }) => [name, state])).toEqual([
      ["credentials", "ok"],
      ["region us-east-1", "ok"],
      ["node group system", "ok"],
      ["node group l4", "ok"],
      ["node group t4", "ok"],
      ["vCPUs of G instances, on demand", "ok"],
    ]);
    expect(findings.every(({ hint }) => hint === "")).toBe(true);
  });

  it("stops at credentials that are none, or of another account", async () => {
    const expired = new AwsError("The security token included in the request is expired", "ExpiredToken");
    expect(await wrong(aws({ "sts get-caller-identity": expired }))).toMatchObject([
      {
        name: "credentials",
        state: "missing",
        found: expired.message,
        hint: expect.stringContaining("log in"),
      },
    ]);
    const other = { Account: "999999999999", Arn: arn };
    expect(await wrong(aws({ "sts get-caller-identity": other }))).toMatchObject([
      { name: "credentials", hint: expect.stringContaining("mlops:accountId") },
    ]);
  });

  it("names zones that the account does not have", async () => {
    const two = {
      AvailabilityZones: [
        { ZoneName: "us-east-1a", ZoneId: "use1-az6", State: "available" },
        { ZoneName: "us-east-1b", ZoneId: "use1-az1", State: "impaired" },
      ],
    };
    expect(await wrong(aws({ "ec2 describe-availability-zones": two }))).toMatchObject([
      {
        name: "region us-east-1",
        state: "missing",
        hint: expect.stringContaining("no us-east-1b, us-east-1c"),
      },
    ]);
  });

  it("names zones in which EKS puts no control plane, whatever this account calls them", async () => {
    const moved = Object.entries({ ...zoneIds, "us-east-1b": "use1-az3", "us-east-1e": "use1-az1" });
    const AvailabilityZones = moved.map(([ZoneName, ZoneId]) => ({ ZoneName, ZoneId, State: "available" }));
    expect(await wrong(aws({ "ec2 describe-availability-zones": { AvailabilityZones } }))).toMatchObject([
      { name: "region us-east-1", state: "missing", hint: expect.stringContaining("us-east-1b (use1-az3)") },
    ]);
  });

  it("says when EKS stops to support the Kubernetes version", () => {
    const { standardSupportEnds } = kubernetesRelease(settings.kubernetesVersion);
    const lastDay = new Date(`${standardSupportEnds}T23:00:00Z`);
    expect(supportFinding(settings, lastDay)).toMatchObject({ state: "ok", hint: "" });
    expect(supportFinding(settings, new Date(lastDay.getTime() + 2 * 3600_000))).toMatchObject({
      name: "Kubernetes 1.35",
      state: "missing",
      found: expect.stringContaining(standardSupportEnds),
    });
  });

  it("names zones without a node group's instances, and those that have them", async () => {
    const { InstanceTypeOfferings: all } = well["ec2 describe-instance-type-offerings"] as {
      InstanceTypeOfferings: { InstanceType: string; Location: string }[];
    };
    const fewer = all.filter(
      ({ InstanceType, Location }) => InstanceType !== "g6.xlarge" || Location === "us-east-1b",
    );
    const found = await wrong(
      aws({ "ec2 describe-instance-type-offerings": { InstanceTypeOfferings: fewer } }),
    );
    expect(found).toMatchObject([
      {
        name: "node group l4",
        found: "not in us-east-1a, us-east-1c",
        hint: "set nodeGroups.l4.zones to those that have one: us-east-1b",
      },
    ]);
  });

  it("counts the vCPUs of GPU nodes, and says how to ask for more", async () => {
    expect(gpuCores(settings)).toEqual({ onDemand: 8, spot: 0 });
    expect(gpuCores(settingsOf("spotOnly"))).toEqual({ onDemand: 0, spot: 40 });
    expect(gpuCores(settingsOf("noGpu"))).toEqual({ onDemand: 0, spot: 0 });
    const none = { Quota: { Value: 0 } };
    expect(await wrong(aws({ "service-quotas get-service-quota": none }))).toMatchObject([
      {
        state: "missing",
        found: "0",
        wanted: "8",
        hint: expect.stringMatching(
          /request-service-quota-increase .*--quota-code L-DB2E81BA --desired-value 8/,
        ),
      },
    ]);
  });

  it("does not take for well what it may not ask", async () => {
    const denied = new AwsError("User is not authorized", "AccessDeniedException");
    expect(await wrong(aws({ "service-quotas get-service-quota": denied }))).toMatchObject([
      {
        state: "unknown",
        found: "User is not authorized",
        hint: expect.stringContaining("AccessDeniedException"),
      },
    ]);
  });

  it.each([
    [undefined, "missing"],
    ["1.23.13", "missing"],
    ["1.24.0", "ok"],
    ["1.46.3", "ok"],
    ["2.6.4", "missing"],
    ["2.7.0", "ok"],
    ["2.31.4", "ok"],
  ])("judges the aws CLI %s as %s", (version, state) => {
    expect(cliFinding(version).state).toBe(state);
  });
});
