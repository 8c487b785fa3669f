import { z } from "zod";
import { instanceType } from "../../components/aws/instanceTypes.ts";
import { zonesOf, zonesWithoutEks } from "../../components/aws/regions.ts";
import { kubernetesRelease } from "../../components/aws/versions.ts";
import type { AwsSettings } from "../../config/awsSchema.ts";
import { type Ask, AwsError } from "./ask.ts";

/** One line of the table. */
export interface AwsFinding {
  readonly name: string;
  readonly state: "ok" | "missing" | "unknown";
  readonly found: string;
  readonly wanted: string;
  /** What to do; empty where all is well. */
  readonly hint: string;
}

type Words = Omit<AwsFinding, "state">;
const ok = (words: Omit<Words, "hint">): AwsFinding => ({ ...words, state: "ok", hint: "" });
const missing = (words: Words): AwsFinding => ({ ...words, state: "missing" });

/** Oldest versions whose `eks get-token` answers in v1beta1, as the cluster's kubeconfig asks. */
const oldestCli = { 1: [1, 24, 0], 2: [2, 7, 0] } as const;

export function cliFinding(version: string | undefined): AwsFinding {
  const words = { name: "aws CLI", wanted: "1.24.0 or 2.7.0", found: version ?? "no" };
  const hint = "install it: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html";
  if (version === undefined) return missing({ ...words, hint });
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  const oldest = oldestCli[major === 1 ? 1 : 2];
  const number = (parts: readonly number[]): number => parts.reduce((sum, part) => sum * 100_000 + part, 0);
  return number([major, minor, patch]) >= number(oldest) ? ok(words) : missing({ ...words, hint });
}

/**
 * Whether EKS still supports the stack's Kubernetes version. On the day that it does not any more, it takes the
 * cluster to the next version by itself, and the next `pulumi up` would ask for the old one.
 */
export function supportFinding({ kubernetesVersion }: AwsSettings, today: Date): AwsFinding {
  const { standardSupportEnds } = kubernetesRelease(kubernetesVersion);
  const words = { name: `Kubernetes ${kubernetesVersion}`, wanted: "in standard support" };
  if (today.toISOString().slice(0, 10) <= standardSupportEnds) {
    return ok({ ...words, found: `until ${standardSupportEnds}` });
  }
  return missing({
    ...words,
    found: `until ${standardSupportEnds}, which is past`,
    hint: "add a newer version to components/aws/versions.ts, and set mlops:kubernetesVersion to it",
  });
}

/** Runs one check; what AWS refuses to say is not known, and neither well nor wrong. */
async function checked(name: string, wanted: string, check: () => Promise<AwsFinding>): Promise<AwsFinding> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    const hint = error.code === undefined ? "see the message" : `let your role ask for it (${error.code})`;
    return { name, state: "unknown", found: error.message, wanted, hint };
  }
}

const identity = z.object({ Account: z.string(), Arn: z.string() });

/** Whether there are credentials, and whether they are of the configured account. */
export async function credentialsFinding(ask: Ask, accountId: string): Promise<AwsFinding> {
  const name = "credentials";
  const wanted = `account ${accountId}`;
  try {
    const { Account, Arn } = identity.parse(await ask("sts", "get-caller-identity"));
    if (Account === accountId) return ok({ name, wanted, found: Arn });
    const hint = "log in to that account, or set mlops:accountId: AWS_PROFILE chooses among profiles";
    return missing({ name, wanted, found: `${Arn} of account ${Account}`, hint });
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    const hint = "log in: aws sso login, or aws configure; AWS_PROFILE chooses among profiles";
    return missing({ name, wanted, found: error.message, hint });
  }
}

const zones = z.object({
  AvailabilityZones: z.array(z.object({ ZoneName: z.string(), ZoneId: z.string(), State: z.string() })),
});

/** Whether the account has the region and the zones that the stack uses, and EKS takes them. */
export function zonesFinding(ask: Ask, settings: AwsSettings): Promise<AwsFinding> {
  const wanted = zonesOf(settings);
  const words = { name: `region ${settings.region}`, wanted: wanted.join(", ") };
  return checked(words.name, words.wanted, async () => {
    const { AvailabilityZones } = zones.parse(await ask("ec2", "describe-availability-zones"));
    const names = (some: typeof AvailabilityZones): string[] => some.map(({ ZoneName }) => ZoneName);
    const there = AvailabilityZones.filter(({ State }) => State === "available");
    const found = names(there).join(", ");
    const absent = wanted.filter((zone) => !names(there).includes(zone));
    if (absent.length > 0) {
      const hint = `set mlops:zones to zones of this account; it has no ${absent.join(", ")}`;
      return missing({ ...words, found, hint });
    }
    const refused = there.filter(
      ({ ZoneName, ZoneId }) => wanted.includes(ZoneName) && zonesWithoutEks.includes(ZoneId),
    );
    if (refused.length === 0) return ok({ ...words, found });
    const list = refused.map(({ ZoneName, ZoneId }) => `${ZoneName} (${ZoneId})`).join(", ");
    return missing({
      ...words,
      found,
      hint: `set mlops:zones to others: EKS has no control plane in ${list}`,
    });
  });
}

const offerings = z.object({
  InstanceTypeOfferings: z.array(z.object({ InstanceType: z.string(), Location: z.string() })),
});

type Offered = z.infer<typeof offerings>["InstanceTypeOfferings"];

/** Whether each node group finds one of its instance types in each of its zones. */
export async function offeringsFindings(ask: Ask, settings: AwsSettings): Promise<AwsFinding[]> {
  const groups = nodeGroups(settings);
  const types = [...new Set(groups.flatMap((group) => group.types))];
  const filter = `Name=instance-type,Values=${types.join(",")}`;
  let offered: Offered = [];
  const answer = await checked("instance types", types.join(", "), async () => {
    const args = ["--location-type", "availability-zone", "--filters", filter];
    offered = offerings.parse(
      await ask("ec2", "describe-instance-type-offerings", ...args),
    ).InstanceTypeOfferings;
    return ok({ name: "instance types", wanted: types.join(", "), found: "" });
  });
  return answer.state === "ok" ? groups.map((group) => offeringFinding(group, offered)) : [answer];
}

function offeringFinding({ key, types, zones: where }: WantedGroup, offered: Offered): AwsFinding {
  const has = (zone: string): boolean =>
    offered.some(({ InstanceType, Location }) => Location === zone && types.includes(InstanceType));
  const words = { name: `node group ${key}`, wanted: `${types.join(" or ")} in ${where.join(", ")}` };
  const lacking = where.filter((zone) => !has(zone));
  if (lacking.length === 0) return ok({ ...words, found: "offered" });
  const left = where.filter(has).join(", ") || "none of these does";
  const hint =
    key === "system"
      ? "set mlops:zones to zones that have one, or take other nodeGroups.system.instanceTypes"
      : `set nodeGroups.${key}.zones to those that have one: ${left}`;
  return missing({ ...words, found: `not in ${lacking.join(", ")}`, hint });
}

interface WantedGroup {
  readonly key: "system" | "l4" | "t4";
  readonly types: readonly string[];
  readonly zones: readonly string[];
}

function nodeGroups(settings: AwsSettings): WantedGroup[] {
  const { system, l4, t4 } = settings.nodeGroups;
  const all = zonesOf(settings);
  const gpu = (["l4", "t4"] as const).flatMap((key) => {
    const group = { l4, t4 }[key];
    return group.max === 0 ? [] : [{ key, types: group.instanceTypes, zones: group.zones ?? all }];
  });
  return [{ key: "system", types: system.instanceTypes, zones: all.slice(0, system.zones) }, ...gpu];
}

/** Quotas of vCPUs of G instances that run at the same time; new accounts have 0. */
const gpuQuotas = {
  onDemand: { code: "L-DB2E81BA", name: "vCPUs of G instances, on demand" },
  spot: { code: "L-3819A6DF", name: "vCPUs of G instances, spot" },
} as const;

/** vCPUs that the GPU node groups take when all their nodes run, by how they are bought. */
export function gpuCores({ nodeGroups: { l4, t4 } }: AwsSettings): Record<keyof typeof gpuQuotas, number> {
  const sum = (capacity: keyof typeof gpuQuotas): number =>
    [l4, t4]
      .filter((group) => group.capacity === capacity && group.max > 0)
      .reduce((total, { max, instanceTypes }) => total + max * instanceType(instanceTypes[0] ?? "").vcpus, 0);
  return { onDemand: sum("onDemand"), spot: sum("spot") };
}

const quota = z.object({ Quota: z.object({ Value: z.number() }) });

/** Whether the account may run as many GPU nodes as the node groups may have. */
export function quotaFindings(ask: Ask, settings: AwsSettings): Promise<AwsFinding[]> {
  const cores = gpuCores(settings);
  const wanted = (["onDemand", "spot"] as const).filter((capacity) => cores[capacity] > 0);
  return Promise.all(
    wanted.map((capacity) => {
      const { code, name } = gpuQuotas[capacity];
      const need = cores[capacity];
      return checked(name, String(need), async () => {
        const args = ["--service-code", "ec2", "--quota-code", code];
        const { Value } = quota.parse(
          (await ask("service-quotas", "get-service-quota", ...args)) ?? {},
        ).Quota;
        const words = { name, wanted: String(need), found: String(Value) };
        if (Value >= need) return ok(words);
        const request = `aws service-quotas request-service-quota-increase ${args.join(" ")} --desired-value ${need} --region ${settings.region}`;
        return missing({ ...words, hint: `ask AWS for more, which can take days: ${request}` });
      });
    }),
  );
}

/** All that AWS can tell before there is a stack. Without credentials nothing else is asked. */
export async function diagnoseAws(ask: Ask, settings: AwsSettings): Promise<AwsFinding[]> {
  const credentials = await credentialsFinding(ask, settings.accountId);
  if (credentials.state !== "ok") return [credentials];
  const [region, types, quotas] = await Promise.all([
    zonesFinding(ask, settings),
    offeringsFindings(ask, settings),
    quotaFindings(ask, settings),
  ]);
  return [credentials, region, ...types, ...quotas];
}
