import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addressCount,
  contains,
  formatCidr,
  type Network,
  overlaps,
  parseCidr,
  planSubnets,
} from "../../../components/aws/cidrs.ts";

const network = (minimum: number, maximum: number): fc.Arbitrary<Network> =>
  fc
    .record({ address: fc.nat({ max: 2 ** 32 - 1 }), prefix: fc.integer({ min: minimum, max: maximum }) })
    .map(({ address, prefix }) => ({ base: address - (address % 2 ** (32 - prefix)), prefix }));

const vpcAndZones = fc.record({ vpc: network(16, 20), zones: fc.constantFrom(2, 3) });

describe("CIDR notation", () => {
  it("reads what it writes", () => {
    fc.assert(
      fc.property(network(0, 32), (some) => {
        expect(parseCidr(formatCidr(some))).toEqual(some);
      }),
    );
  });

  it.each([
    ["10.0.0.0", "must be an IPv4 network"],
    ["10.0.0.256/16", "octets go to 255"],
    ["10.0.0.0/33", "prefixes to 32"],
    ["10.0.5.1/16", "write 10.0.0.0/16"],
  ])("refuses %s", (text, message) => {
    expect(() => parseCidr(text)).toThrow(message);
  });

  it("two networks overlap exactly when one contains the other", () => {
    fc.assert(
      fc.property(network(8, 30), network(8, 30), (a, b) => {
        expect(overlaps(a, b)).toBe(contains(a, b) || contains(b, a));
      }),
    );
  });

  it("neighbours do not overlap", () => {
    expect(overlaps(parseCidr("10.0.0.0/24"), parseCidr("10.0.1.0/24"))).toBe(false);
    expect(overlaps(parseCidr("10.0.0.0/23"), parseCidr("10.0.1.0/24"))).toBe(true);
  });
});

describe("subnet plan", () => {
  const parsedPlan = (vpc: Network, zones: number) => {
    const plan = planSubnets(formatCidr(vpc), zones);
    return {
      public: plan.public.map(parseCidr),
      private: plan.private.map(parseCidr),
      database: plan.database.map(parseCidr),
    };
  };

  it("fits into the VPC without overlaps", () => {
    fc.assert(
      fc.property(vpcAndZones, ({ vpc, zones }) => {
        const plan = parsedPlan(vpc, zones);
        const all = [...plan.public, ...plan.private, ...plan.database];
        expect(all).toHaveLength(3 * zones);
        for (const [index, subnet] of all.entries()) {
          expect(contains(vpc, subnet)).toBe(true);
          for (const other of all.slice(index + 1)) expect(overlaps(subnet, other)).toBe(false);
        }
      }),
    );
  });

  it("treats zones alike, and gives pods most addresses", () => {
    fc.assert(
      fc.property(vpcAndZones, ({ vpc, zones }) => {
        const plan = parsedPlan(vpc, zones);
        for (const kind of [plan.public, plan.private, plan.database]) {
          expect(new Set(kind.map(addressCount)).size).toBe(1);
        }
        const pods = plan.private.reduce((sum, subnet) => sum + addressCount(subnet), 0);
        expect(pods).toBe((addressCount(vpc) * zones) / 4);
      }),
    );
  });

  it("AWS takes every subnet: none smaller than /28", () => {
    fc.assert(
      fc.property(vpcAndZones, ({ vpc, zones }) => {
        const plan = parsedPlan(vpc, zones);
        for (const { prefix } of [...plan.public, ...plan.private, ...plan.database]) {
          expect(prefix).toBeLessThanOrEqual(28);
        }
      }),
    );
  });

  it("a zone added later leaves the others where they are", () => {
    fc.assert(
      fc.property(network(16, 20), (vpc) => {
        const [two, three] = [planSubnets(formatCidr(vpc), 2), planSubnets(formatCidr(vpc), 3)];
        expect(three.public.slice(0, 2)).toEqual(two.public);
        expect(three.private.slice(0, 2)).toEqual(two.private);
        expect(three.database.slice(0, 2)).toEqual(two.database);
      }),
    );
  });

  it("is the one that the default stack gets", () => {
    expect(planSubnets("10.42.0.0/16", 3)).toEqual({
      private: ["10.42.0.0/18", "10.42.64.0/18", "10.42.128.0/18"],
      public: ["10.42.192.0/22", "10.42.196.0/22", "10.42.200.0/22"],
      database: ["10.42.224.0/24", "10.42.225.0/24", "10.42.226.0/24"],
    });
  });

  it.each([
    ["10.0.0.0/21", 3, "too small"],
    ["10.0.0.0/15", 3, "too large"],
    ["10.0.0.0/16", 1, "1 zone"],
    ["10.0.0.0/16", 4, "4 zone"],
  ])("refuses %s for %d zones", (vpc, zones, message) => {
    expect(() => planSubnets(vpc, zones)).toThrow(message);
  });
});
