import type { ModelRecord } from "@mlops/registry";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resolveName } from "../../../apps/gateway/serve/resolve.ts";
import { record, version } from "./world.ts";

function resolve(
  records: readonly ModelRecord[],
  name: string,
  { random = 0.5, available = true }: { random?: number; available?: boolean } = {},
): string | undefined {
  const byName = new Map(records.map((one) => [one.model, one]));
  const resolved = resolveName({
    records: byName,
    name,
    random: () => random,
    available: () => available,
  });
  return resolved?.version.servedName;
}

const [v1, v2, v3] = [1, 2, 3].map((number) => version("m", number));

describe("resolveName", () => {
  it("knows the live version by two names and the candidate by one", () => {
    const records = [record("m", 3, { live: v2, previous: v1, candidate: v3 })];
    expect(resolve(records, "m")).toBe("m-v2");
    expect(resolve(records, "m-live")).toBe("m-v2");
    expect(resolve(records, "m-candidate")).toBe("m-v3");
  });

  it("knows no version by its own name, nor one that is not there", () => {
    const records = [record("m", 1, { candidate: v1 })];
    for (const name of ["m-v1", "m-previous", "m", "m-live", "other", "-live", "", "__proto__"]) {
      expect(resolve(records, name), name).toBeUndefined();
    }
  });

  it("prefers a model of that very name", () => {
    const live = { live: version("m-candidate", 9) };
    const records = [record("m", 1, { candidate: v1 }), record("m-candidate", 1, live)];
    expect(resolve(records, "m-candidate")).toBe("m-candidate-v9");
  });

  it("gives a canary its share, of live traffic only, while a replica has it", () => {
    const records = [record("m", 1, { live: v1, candidate: v2, canaryShare: 0.2 })];
    expect(resolve(records, "m", { random: 0.19 })).toBe("m-v2");
    expect(resolve(records, "m", { random: 0.2 })).toBe("m-v1");
    expect(resolve(records, "m", { random: 0.19, available: false })).toBe("m-v1");
  });

  it("never answers with a version that the record does not allow", () => {
    const maybe = fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined });
    const share = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined });
    const parts = fc.record({ live: maybe, previous: maybe, candidate: maybe, canaryShare: share });
    const name = fc.constantFrom("m", "m-live", "m-candidate", "n");
    fc.assert(
      fc.property(parts, name, fc.double({ min: 0, max: 0.999, noNaN: true }), (found, asked, random) => {
        const { live, candidate, previous, canaryShare = 0 } = found;
        const roles = Object.entries({ live, candidate, previous }).flatMap(([role, number]) =>
          number === undefined ? [] : [[role, version("m", number)] as const],
        );
        const answer = resolve([record("m", 1, { ...Object.fromEntries(roles), canaryShare })], asked, {
          random,
        });
        const allowed = new Set<number | undefined>();
        if (asked === "m-candidate") allowed.add(candidate);
        else if (asked === "n" || live === undefined) allowed.add(undefined);
        else allowed.add(random < canaryShare && candidate !== undefined ? candidate : live);
        expect([...allowed].map((number) => (number === undefined ? undefined : `m-v${number}`))).toContain(
          answer,
        );
      }),
    );
  });
});
