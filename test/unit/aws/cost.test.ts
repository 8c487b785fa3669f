import { describe, expect, it } from "vitest";
import { assumptions, estimateCost } from "../../../components/aws/cost.ts";
import {
  allocatable,
  instanceType,
  instanceTypes,
  maximumPods,
} from "../../../components/aws/instanceTypes.ts";
import { hourly, hoursPerMonth, pricesDate, pricesRegion } from "../../../components/aws/prices.ts";
import { type AwsSettings, awsSettings } from "../../../config/awsSchema.ts";
import { configurations, settingsOf } from "./configurations.ts";

const small = (settings: AwsSettings) => estimateCost(settings, "small");
const itemOf = (settings: AwsSettings, name: string) => {
  const found = small(settings).items.find(({ item }) => item === name);
  if (found === undefined) throw new Error(`no item ${name}`);
  return found;
};
/** A configuration that differs from the default one in what is given. */
const withChanges = (changes: Readonly<Record<string, unknown>>) =>
  awsSettings.parse({ ...configurations.default, ...changes });

describe("estimated cost", () => {
  it("idles at no more than $0.40 an hour with the default configuration", () => {
    expect(small(settingsOf("default")).idle).toBeLessThanOrEqual(0.4);
  });

  it("still does with a domain, load balancer included", () => {
    const settings = withChanges({ domain: configurations.production.domain });
    expect(itemOf(settings, "Load balancer").hourlyUsd).toBeGreaterThan(hourly.applicationLoadBalancer);
    expect(small(settings).idle).toBeLessThanOrEqual(0.4);
  });

  it("is the sum of its items, and says whose prices of which day they are", () => {
    for (const name of ["smallest", "default", "production", "spotOnly", "noGpu"] as const) {
      const estimate = estimateCost(settingsOf(name), "production");
      const sum = estimate.items.reduce((total, { hourlyUsd }) => total + hourlyUsd, 0);
      // Each of the items is rounded to a hundredth of a cent.
      expect(Math.abs(sum - estimate.idle)).toBeLessThan(0.0001 * estimate.items.length);
      expect(estimate.idleMonth).toBeCloseTo(estimate.idle * hoursPerMonth, 0);
      expect(estimate).toMatchObject({ pricesOf: pricesRegion, pricesDate });
    }
  });

  it("adds a node and its disk for one GPU", () => {
    const estimate = small(settingsOf("default"));
    const disk = (120 * 0.08) / 730;
    expect(estimate.withOneL4).toBeCloseTo(estimate.idle + 0.8048 + disk, 3);
    expect(estimate.withOneT4).toBeCloseTo(estimate.idle + 0.526 + disk, 3);
  });

  it("leaves out what the stack has not", () => {
    const estimate = small(settingsOf("noGpu"));
    expect(estimate).not.toHaveProperty("withOneL4");
    expect(estimate).not.toHaveProperty("withOneT4");
  });

  it("follows the choices that cost money", () => {
    const base = settingsOf("default");
    expect(itemOf(base, "EKS control plane").hourlyUsd).toBe(0.1);
    expect(itemOf(base, "System nodes").hourlyUsd).toBeCloseTo(2 * 0.0752, 4);
    const perZone = withChanges({ network: { natGateways: "perZone" } });
    expect(itemOf(perZone, "NAT").hourlyUsd - itemOf(base, "NAT").hourlyUsd).toBeCloseTo(0.1, 4);
    const endpoints = withChanges({ network: { interfaceEndpoints: ["sts", "ec2"] } });
    expect(itemOf(endpoints, "Interface endpoints").hourlyUsd).toBeCloseTo(0.06, 4);
    const twice = withChanges({ database: { multiAz: true } });
    expect(itemOf(twice, "RDS PostgreSQL").hourlyUsd).toBeCloseTo(0.032 + (20 * 0.23) / 730, 4);
    expect(estimateCost(base, "small", 4).idle).toBeGreaterThan(small(base).idle + 2 * 0.0752);
  });

  it("names its assumptions", () => {
    const { items } = small(settingsOf("default"));
    const text = items.map(({ quantity }) => quantity).join("; ");
    expect(text).toContain(`${assumptions.logsGbPerDay} GB/day`);
    expect(text).toContain(`${assumptions.natGbPerHour} GB/h`);
  });
});

describe("instance types", () => {
  it("hold as many pods as EKS says", () => {
    const pods = (name: string) => maximumPods(instanceType(name));
    expect(pods("t3a.large")).toBe(35);
    expect(pods("m6i.large")).toBe(29);
    expect(pods("g6.xlarge")).toBe(58);
    expect(pods("g4dn.xlarge")).toBe(29);
  });

  it("leave to pods what nodeadm does not reserve", () => {
    expect(allocatable(instanceType("t3a.large"))).toEqual({
      cpuMillis: 1930,
      memoryMiB: Math.floor(8192 * 0.925) - (255 + 11 * 35) - 100,
      gpus: 0,
      pods: 35,
    });
    expect(allocatable(instanceType("g6.xlarge"))).toMatchObject({ cpuMillis: 3920, gpus: 1, pods: 58 });
    expect(allocatable(instanceType("m6i.2xlarge")).cpuMillis).toBe(7910);
  });

  it("have GPUs exactly when they have an accelerator class", () => {
    for (const type of Object.values(instanceTypes)) {
      expect(type.gpus > 0).toBe(type.accelerator !== undefined);
    }
  });
});
