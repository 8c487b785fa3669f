import {
  CidrError,
  contains,
  formatCidr,
  type Network,
  overlaps,
  parseCidr,
  privateRanges,
  serviceCidr,
  vpcPrefixes,
} from "../components/aws/cidrs.ts";
import { instanceTypes } from "../components/aws/instanceTypes.ts";
import { databaseClasses } from "../components/aws/prices.ts";
import { regions } from "../components/aws/regions.ts";
import { kubernetesReleases } from "../components/aws/versions.ts";
import { type AwsSettings, awsShape, type GpuNodesSettings } from "./awsSchema.ts";
import type { ConfigProblem } from "./problems.ts";

type Say = (key: string, value: unknown, message: string) => void;

/** What of the settings is well-formed, with defaults filled in; the schema reports the rest. */
type Readable = { readonly [Key in keyof AwsSettings]?: AwsSettings[Key] };

/** Values of the aws stack that are well-formed one by one and cannot work together. */
export function impossibleAws(values: Readonly<Record<string, unknown>>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const say: Say = (key, value, message) => {
    problems.push({
      key: `mlops:${key}`,
      value: value === undefined ? undefined : typeof value === "string" ? value : JSON.stringify(value),
      message,
    });
  };
  const settings = readable(values);
  checkRegion(settings, say);
  checkVersion(settings, say);
  checkNodeGroups(settings, say);
  checkNetwork(settings, say);
  checkApi(settings, say);
  checkDatabase(settings, say);
  checkDomain(settings, say);
  return problems;
}

function readable(values: Readonly<Record<string, unknown>>): Readable {
  const read: Record<string, unknown> = {};
  for (const [key, shape] of Object.entries(awsShape)) {
    const result = shape.safeParse(values[key]);
    if (result.success) read[key] = result.data;
  }
  return read;
}

function checkRegion({ region, zones }: Readable, say: Say): void {
  if (region === undefined) return;
  if (regions[region] === undefined) {
    say("region", region, `not a region that this program knows: ${Object.keys(regions).join(", ")}`);
  }
  for (const zone of zones ?? []) {
    if (zone.slice(0, -1) !== region) say("zones", zone, `not a zone of ${region}`);
  }
  for (const zone of duplicates(zones ?? [])) say("zones", zone, "listed twice");
}

function checkVersion({ kubernetesVersion }: Readable, say: Say): void {
  if (kubernetesVersion === undefined || kubernetesReleases[kubernetesVersion] !== undefined) return;
  say(
    "kubernetesVersion",
    kubernetesVersion,
    `out of support here (EKS would charge $0.60 an hour, or does not have it); allowed: ${Object.keys(kubernetesReleases).join(", ")}`,
  );
}

function checkNodeGroups(settings: Readable, say: Say): void {
  const { nodeGroups, region, zones } = settings;
  if (nodeGroups === undefined) return;
  const { system, l4, t4 } = nodeGroups;
  const available = zones?.length ?? regions[region ?? ""]?.zones.length;
  if (available !== undefined && system.zones > available) {
    say("nodeGroups.system.zones", system.zones, `the stack has ${available} zones`);
  }
  if (system.minPerZone < 1) {
    say(
      "nodeGroups.system.minPerZone",
      system.minPerZone,
      "the platform itself needs at least 1 node a zone",
    );
  }
  if (system.maxPerZone < system.minPerZone) {
    say("nodeGroups.system.maxPerZone", system.maxPerZone, `below minPerZone, which is ${system.minPerZone}`);
  }
  checkInstanceTypes("system", system.instanceTypes, say);
  checkGpuGroup("l4", l4, settings, say);
  checkGpuGroup("t4", t4, settings, say);
}

const families = { l4: "G6", t4: "G4dn" } as const;

function checkGpuGroup(
  name: "l4" | "t4",
  group: GpuNodesSettings,
  { region, zones }: Readable,
  say: Say,
): void {
  const at = `nodeGroups.${name}`;
  if (group.max < group.min) say(`${at}.max`, group.max, `below min, which is ${group.min}`);
  const known = regions[region ?? ""];
  if (known !== undefined && group.max > 0 && !known.accelerators.includes(name)) {
    say(
      `${at}.max`,
      group.max,
      `${region} has no ${families[name]} instances; set it to 0 or take one of ${regionsWith(name)}`,
    );
  }
  for (const zone of group.zones ?? []) {
    const all = zones ?? known?.zones;
    if (all !== undefined && !all.includes(zone)) {
      say(`${at}.zones`, zone, `not one of the stack's zones: ${all.join(", ")}`);
    }
  }
  checkInstanceTypes(name, group.instanceTypes, say);
}

/** Cluster-autoscaler takes the nodes of one group for equal, so a group's types must be of one size. */
function checkInstanceTypes(group: "system" | "l4" | "t4", names: readonly string[], say: Say): void {
  const key = `nodeGroups.${group}.instanceTypes`;
  const accelerator = group === "system" ? undefined : group;
  const fitting = Object.entries(instanceTypes).filter(([, type]) => type.accelerator === accelerator);
  const allowed = fitting.map(([name]) => name).join(", ");
  for (const name of names) {
    if (!fitting.some(([candidate]) => candidate === name)) say(key, name, `allowed: ${allowed}`);
  }
  const sizes = new Set(
    names.flatMap((name) => {
      const type = instanceTypes[name];
      return type === undefined ? [] : [`${type.vcpus} vCPU and ${type.memory} GiB`];
    }),
  );
  if (sizes.size > 1) say(key, names, `must be of one size, not ${[...sizes].join(" and ")}`);
}

function regionsWith(name: "l4" | "t4"): string {
  return Object.entries(regions)
    .filter(([, { accelerators }]) => accelerators.includes(name))
    .map(([region]) => region)
    .join(", ");
}

/** Reads a network, or says what is wrong with it. */
function readCidr(at: string, text: string, say: Say): Network | undefined {
  try {
    return parseCidr(text);
  } catch (error) {
    if (!(error instanceof CidrError)) throw error;
    say(at, text, error.message);
    return undefined;
  }
}

function checkNetwork({ network }: Readable, say: Say): void {
  if (network === undefined) return;
  const at = "network.cidr";
  const vpc = readCidr(at, network.cidr, say);
  const reserved = network.reservedCidrs.map((cidr, index) => ({
    cidr,
    parsed: readCidr(`network.reservedCidrs.${index}`, cidr, say),
  }));
  if (vpc === undefined) return;
  if (vpc.prefix < vpcPrefixes.largest || vpc.prefix > vpcPrefixes.smallest) {
    const word = vpc.prefix > vpcPrefixes.smallest ? "small" : "large";
    say(at, network.cidr, `too ${word}: allowed are /${vpcPrefixes.largest} to /${vpcPrefixes.smallest}`);
  }
  if (!privateRanges.some((range) => contains(range, vpc))) {
    say(at, network.cidr, `must lie in ${privateRanges.map(formatCidr).join(", ")}`);
  }
  if (overlaps(vpc, parseCidr(serviceCidr))) {
    say(at, network.cidr, `overlaps the cluster's services, ${serviceCidr}`);
  }
  for (const { cidr, parsed } of reserved) {
    if (parsed !== undefined && overlaps(vpc, parsed)) {
      say(at, network.cidr, `overlaps ${cidr} of network.reservedCidrs`);
    }
  }
}

function checkApi({ api }: Readable, say: Say): void {
  if (api === undefined) return;
  const { publicAccessCidrs, insideVpc } = api;
  if (publicAccessCidrs.length === 0 && !insideVpc) {
    say(
      "api",
      undefined,
      "set api.publicAccessCidrs to the networks that may reach the cluster (your own address: curl -s https://checkip.amazonaws.com, as ADDRESS/32), or api.insideVpc to true where Pulumi runs inside the VPC: with neither, the machine that runs `pulumi up` could not reach the cluster",
    );
  }
  for (const [index, cidr] of publicAccessCidrs.entries()) {
    checkPublicCidr(
      `api.publicAccessCidrs.${index}`,
      cidr,
      say,
      "EKS wants public addresses here, and api.insideVpc for others",
    );
  }
}

/** Widest network that counts as a named one; two /1 would be the whole internet again. */
const widestPublicPrefix = 8;

function checkPublicCidr(at: string, cidr: string, say: Say, instead: string): void {
  const network = readCidr(at, cidr, say);
  if (network === undefined) return;
  if (network.prefix < widestPublicPrefix) {
    say(at, cidr, `wider than /${widestPublicPrefix}: that is the internet, not a network of yours`);
  } else if (privateRanges.some((range) => overlaps(range, network))) {
    say(at, cidr, `is a private network; ${instead}`);
  }
}

function checkDatabase({ database }: Readable, say: Say): void {
  if (database === undefined) return;
  const { instanceClass, storageGiB, maxStorageGiB } = database;
  if (databaseClasses[instanceClass] === undefined) {
    say("database.instanceClass", instanceClass, `allowed: ${Object.keys(databaseClasses).join(", ")}`);
  }
  if (maxStorageGiB < storageGiB) {
    say("database.maxStorageGiB", maxStorageGiB, `below storageGiB, which is ${storageGiB}`);
  }
}

function checkDomain({ domain, api }: Readable, say: Say): void {
  if (domain === undefined) return;
  if (domain.allowedCidrs === undefined && api?.publicAccessCidrs.length === 0) {
    say("domain.allowedCidrs", undefined, "missing; the networks that may reach the dashboards");
  }
  for (const [index, cidr] of (domain.allowedCidrs ?? []).entries()) {
    checkPublicCidr(
      `domain.allowedCidrs.${index}`,
      cidr,
      say,
      "the load balancer is reached by public addresses only",
    );
  }
  if (domain.zoneId === undefined) {
    say("domain.zoneId", undefined, `missing; the Route 53 zone in which ${domain.name} lies`);
  }
  if (domain.oidc === undefined) {
    say("domain.oidc", undefined, "missing; without a login the dashboards would be open to the world");
  }
}

function duplicates(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}
