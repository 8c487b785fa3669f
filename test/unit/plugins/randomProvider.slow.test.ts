import { compare } from "bcryptjs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isSecret, type PropertyMap, reveal, revealAll } from "../../../tools/plugins/lib/values.ts";
import { randomProvider } from "../../../tools/plugins/random/provider.ts";
import { realPassword, realRandomStates } from "./realStates.ts";
import { resourceCalls, secretly, unknown } from "./support.ts";

const resource = (name: string) => resourceCalls(randomProvider, `random:index/random${name}:Random${name}`);
const password = resource("Password");

describe("RandomPassword", () => {
  test("stores what the real plugin stores, beside its raw state delta", async () => {
    const { id, outs } = await password.create({ length: 16 });
    const real = realRandomStates[0]?.state ?? {};
    expect(id).toBe("none");
    expect(outs).toEqual({
      __meta: real.__meta,
      bcryptHash: secretly(expect.stringMatching(/^\$2a\$10\$.{53}$/)),
      id: "none",
      length: 16,
      lower: true,
      minLower: 0,
      minNumeric: 0,
      minSpecial: 0,
      minUpper: 0,
      number: true,
      numeric: true,
      result: secretly(expect.stringMatching(/^.{16}$/)),
      special: true,
      upper: true,
    });
    expect(Object.keys(outs).sort()).toEqual(Object.keys(real).sort());
  });

  test("number and numeric stand for each other", async () => {
    for (const given of [{ number: false }, { numeric: false }]) {
      const { outs } = await password.create({ length: 30, ...given });
      expect(outs).toMatchObject({ number: false, numeric: false });
      expect(reveal(outs.result)).not.toMatch(/\d/);
    }
  });

  test("takes what the real plugin coerces", async () => {
    const inputs = { length: "12", keepers: { port: 80, tls: true } };
    expect(await password.failures(inputs)).toEqual({});
    const { outs } = await password.create(inputs);
    expect(outs).toMatchObject({ length: 12, keepers: { port: "80", tls: "true" } });
  });

  test("keeps secret what was given as a secret", async () => {
    const keepers = { token: secretly("t"), port: "1" };
    const { outs } = await password.create({ length: secretly("8"), keepers });
    expect(outs).toMatchObject({ keepers, length: secretly(8) });
    expect(isSecret(outs.lower)).toBe(false);
  });

  test("bcryptHash is one of the password", async () => {
    const { outs } = await password.create({ length: 20 });
    const { bcryptHash, result } = revealAll(outs);
    expect(await compare(String(result), String(bcryptHash))).toBe(true);
    expect(await compare(`${result}x`, String(bcryptHash))).toBe(false);
  });

  test("bcryptHash is one of the first 72 bytes", async () => {
    const { outs } = await password.create({ length: 80, overrideSpecial: "é", minSpecial: 10 });
    const { bcryptHash, result } = revealAll(outs);
    expect(await compare(`${String(result).slice(0, 75)}other`, String(bcryptHash))).toBe(true);
    expect(await compare(String(result).slice(1), String(bcryptHash))).toBe(false);
  });

  test("the hash that the real plugin made is of the same kind", async () => {
    expect(await compare(realPassword.result, realPassword.bcryptHash)).toBe(true);
  });
});

describe("Check", () => {
  test.each<[string, PropertyMap, Record<string, string>]>([
    ["Password", {}, { length: "is required" }],
    ["Password", { length: "x" }, { length: "must be a whole number" }],
    ["Password", { length: 1.5 }, { length: "must be a whole number" }],
    ["Password", { length: 8, special: "true" }, { special: "must be a boolean" }],
    ["Password", { length: 8, keepers: ["a"] }, { keepers: "must be a map of strings" }],
    ["Password", { length: 0 }, { length: "must be at least 1, is 0" }],
    ["Password", { length: 8, minUpper: -1 }, { minUpper: "must not be negative, is -1" }],
    [
      "Password",
      { length: 3, minUpper: 2, minLower: 2 },
      { length: "must be at least the sum of minLower, minUpper, minNumeric, minSpecial: 4" },
    ],
    [
      "String",
      { length: 3, upper: false, lower: false, numeric: false, special: false },
      { lower: "is false like upper, numeric and special; at least one must be true" },
    ],
    [
      "Password",
      { length: 3, number: true, numeric: false },
      { number: "differs from numeric, whose deprecated name it is; set only numeric" },
    ],
    ["Id", { byteLength: 0 }, { byteLength: "must be at least 1, is 0" }],
    ["Bytes", { length: 0 }, { length: "must be at least 1, is 0" }],
    ["Integer", { min: 5, max: 1 }, { max: "must be at least min, 5, is 1" }],
    ["Integer", { min: 0, max: 2 ** 50 }, { max: "is too far from min, limit is 2^48" }],
    ["Integer", { min: 0, max: 1, seed: "s" }, { seed: "is not supported by this stand-in" }],
    ["Shuffle", { inputs: ["a"], seed: "s" }, { seed: "is not supported by this stand-in" }],
    ["Shuffle", { inputs: ["a"], resultCount: -1 }, { resultCount: "must not be negative" }],
  ])("Random%s %j is refused", async (name, inputs, failures) => {
    expect(await resource(name).failures(inputs)).toEqual(failures);
  });

  test.each<[string, PropertyMap]>([
    ["Password", { length: 1 }],
    ["Password", { length: 4, minLower: 1, minUpper: 1, minNumeric: 1, minSpecial: 1 }],
    ["Password", { length: unknown }],
    ["Password", { length: 3, minUpper: unknown }],
    ["Password", { length: secretly(8), keepers: { a: unknown } }],
    ["Integer", { min: -3, max: -3 }],
    ["Shuffle", { inputs: [] }],
  ])("Random%s %j is accepted as it is", async (name, inputs) => {
    expect(await resource(name).check(inputs)).toEqual({ inputs, failures: [] });
  });

  test("does not repeat a secret", async () => {
    const failures = await password.failures({ length: secretly("not a number") });
    expect(JSON.stringify(failures)).not.toContain("not a number");
  });

  test.each(["Pet", "Uuid7"])("Random%s is refused by name", async (name) => {
    const failures = await resource(name).failures({});
    expect(failures[""]).toMatch(
      `random:index/random${name}:Random${name} is not served by the stand-in for pulumi-resource-random 4.21.2`,
    );
    await expect(resource(name).create({})).rejects.toThrow("is not served");
  });
});

describe("Diff", () => {
  const inputs = { length: 16, keepers: { a: "1" } };
  const unchanged = { changes: false, replaces: [] };
  const recorded = { changes: true, replaces: [] };
  const replaced = (...replaces: string[]) => ({ changes: true, replaces });

  test.each<[string, PropertyMap, PropertyMap, object]>([
    ["nothing", inputs, inputs, unchanged],
    ["a default made explicit", inputs, { ...inputs, special: true, number: true, minLower: 0 }, unchanged],
    ["a default no longer explicit", { ...inputs, special: true }, inputs, unchanged],
    ["secrecy of an input", inputs, { ...inputs, length: secretly(16) }, unchanged],
    ["length", inputs, { ...inputs, length: 17 }, replaced("length")],
    ["length not known yet", inputs, { ...inputs, length: unknown }, replaced("length")],
    ["a keeper", inputs, { ...inputs, keepers: { a: "2" } }, replaced("keepers")],
    ["one more keeper", inputs, { ...inputs, keepers: { a: "1", b: "1" } }, replaced("keepers")],
    ["a keeper not known yet", inputs, { ...inputs, keepers: { a: unknown } }, replaced("keepers")],
    ["keepers gone", inputs, { length: 16 }, replaced("keepers")],
    ["keepers emptied", inputs, { length: 16, keepers: {} }, replaced("keepers")],
    ["keepers come", { length: 16 }, inputs, replaced("keepers")],
    ["no keepers to empty ones", { length: 16 }, { length: 16, keepers: {} }, recorded],
    ["empty keepers to none", { length: 16, keepers: {} }, { length: 16 }, recorded],
    ["special", inputs, { ...inputs, special: false }, replaced("special")],
    ["numeric", inputs, { ...inputs, numeric: false }, replaced("number", "numeric")],
    ["a minimum", inputs, { ...inputs, minUpper: 1 }, replaced("minUpper")],
    ["overrideSpecial", inputs, { ...inputs, overrideSpecial: "!" }, replaced("overrideSpecial")],
    ["overrideSpecial empty", inputs, { ...inputs, overrideSpecial: "" }, replaced("overrideSpecial")],
    ["empty overrideSpecial gone", { ...inputs, overrideSpecial: "" }, inputs, recorded],
  ])("RandomPassword: %s", async (_what, before, after, expected) => {
    const { outs } = await password.create(before);
    expect(await password.diff(outs, after)).toEqual(expected);
  });

  test.each<[string, PropertyMap, PropertyMap, string[]]>([
    ["Id", { byteLength: 4 }, { byteLength: 5 }, ["byteLength"]],
    ["Id", { byteLength: 4 }, { byteLength: 4, prefix: "p" }, ["prefix"]],
    ["Uuid", {}, { keepers: { a: "1" } }, ["keepers"]],
    ["Integer", { min: 1, max: 2 }, { min: 0, max: 3 }, ["max", "min"]],
    ["Bytes", { length: 1 }, { length: 2 }, ["length"]],
    ["Shuffle", { inputs: ["a", "b"] }, { inputs: ["b", "a"] }, ["inputs"]],
    ["Shuffle", { inputs: ["a"] }, { inputs: ["a"], resultCount: 1 }, ["resultCount"]],
  ])("Random%s %j to %j replaces", async (name, before, after, replaces) => {
    const { outs } = await resource(name).create(before);
    expect(await resource(name).diff(outs, before)).toEqual(unchanged);
    expect(await resource(name).diff(outs, after)).toEqual({ changes: true, replaces });
  });

  test.each(realRandomStates)("takes over the real state of $type unchanged", async (real) => {
    const calls = resourceCalls(randomProvider, real.type);
    expect(await calls.diff(real.state, real.inputs)).toEqual(unchanged);
    expect(await calls.read("id", real.state)).toEqual({ id: "id", props: real.state });
  });

  test("takes over a state that lacks what older plugins did not store", async () => {
    const { numeric, minLower, ...older } = realRandomStates[0]?.state ?? {};
    const inputs = { ...realRandomStates[0]?.inputs, minLower: 0 };
    expect(await password.diff(older, inputs)).toEqual(unchanged);
  });
});

describe("Update", () => {
  test("records new inputs and keeps the value; a delta of the old state would be wrong and goes", async () => {
    const real = realRandomStates[1];
    const state = real?.state ?? {};
    const { overrideSpecial, ...inputs } = real?.inputs ?? {};
    const { outs } = await password.update(state, inputs);
    const { __pulumi_raw_state_delta: _, overrideSpecial: __, ...rest } = state;
    expect(outs).toEqual(rest);
  });
});

describe("the other types", () => {
  test("RandomId in all notations", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 20 }), fc.string(), async (byteLength, prefix) => {
        const { id, outs } = await resource("Id").create({ byteLength, prefix });
        const bytes = Buffer.from(id, "base64url");
        expect(bytes).toHaveLength(byteLength);
        expect(outs).toEqual({
          b64Std: prefix + bytes.toString("base64"),
          b64Url: prefix + id,
          byteLength,
          dec: prefix + [...bytes].reduce((sum, byte) => sum * 256n + BigInt(byte), 0n),
          hex: prefix + bytes.toString("hex"),
          id,
          prefix,
        });
      }),
    );
  });

  test("RandomBytes are secret, and have no id property", async () => {
    const { id, outs } = await resource("Bytes").create({ length: 5 });
    const bytes = Buffer.from(id, "base64");
    expect(outs).toEqual({ base64: secretly(id), hex: secretly(bytes.toString("hex")), length: 5 });
    expect(bytes).toHaveLength(5);
  });

  test("RandomString is no secret", async () => {
    const { id, outs } = await resource("String").create({ length: 7, special: false });
    expect(id).toMatch(/^[a-zA-Z0-9]{7}$/);
    expect(outs).toMatchObject({ id, result: id, __meta: '{"schema_version":"2"}' });
  });

  test("RandomUuid and RandomUuid4", async () => {
    const { id, outs } = await resource("Uuid").create({});
    expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(outs).toEqual({ id, result: id });
    expect((await resource("Uuid4").create({})).id).toMatch(/^.{8}-.{4}-4.{3}-[89ab].{3}-.{12}$/);
  });

  test("RandomInteger is in its range, both ends included", async () => {
    const results = new Set<number>();
    for (let round = 0; round < 200; round++) {
      const { id, outs } = await resource("Integer").create({ min: -1, max: 1 });
      expect(outs).toEqual({ id, max: 1, min: -1, result: Number(id) });
      results.add(Number(id));
    }
    expect([...results].sort((left, right) => left - right)).toEqual([-1, 0, 1]);
  });

  test("RandomShuffle repeats no string more often than needed", async () => {
    const inputs = ["a", "b", "c"];
    const results = async (resultCount?: number) => {
      const given = resultCount === undefined ? { inputs } : { inputs, resultCount };
      const { id, outs } = await resource("Shuffle").create(given);
      expect(outs).toMatchObject({ id, ...given });
      return outs.results as string[];
    };
    expect((await results()).sort()).toEqual(inputs);
    expect(await results(0)).toEqual([]);
    expect(new Set(await results(2)).size).toBe(2);
    expect((await results(6)).sort()).toEqual(["a", "a", "b", "b", "c", "c"]);
  });
});

describe("Read", () => {
  test("cannot look a value up by its id", async () => {
    await expect(password.read("none", {})).rejects.toThrow("cannot be looked up by an id");
  });
});
