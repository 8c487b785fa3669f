import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonical, specHash } from "../../../packages/runner/contract.ts";
import { cores, milliseconds, Room } from "../../../packages/runner/limits.ts";
import { ParameterError, resolveParameters } from "../../../packages/runner/parameters.ts";
import { redact } from "../../../packages/runner/process.ts";
import { expand } from "../../../packages/runner/processHost.ts";

describe("parameters", () => {
  const declared = [
    { name: "epochs", value: "5" },
    { name: "rate" },
    { name: "network", value: "mlp", enum: ["mlp", "cnn"] },
  ];
  const annotation = JSON.stringify({
    epochs: { type: "integer", minimum: 1, maximum: 9 },
    rate: { type: "number" },
    network: { type: "text" },
  });
  const resolve = (given: Record<string, string>): Record<string, string> =>
    resolveParameters("p", declared, given, annotation);
  const problems = (given: Record<string, string>): readonly string[] => {
    try {
      resolve(given);
    } catch (error) {
      if (error instanceof ParameterError) return error.problems;
      throw error;
    }
    return [];
  };

  it("are what is given, else the default", () => {
    expect(resolve({ rate: "1e-3", epochs: "9" })).toEqual({ epochs: "9", rate: "1e-3", network: "mlp" });
  });

  it.each([
    [{ rate: "1", epochs: "0" }, "epochs=0: must be at least 1"],
    [{ rate: "1", epochs: "10" }, "epochs=10: must be at most 9"],
    [{ rate: "1", epochs: "2.5" }, "epochs=2.5: must be a whole number"],
    [{ rate: "1", epochs: "0x4" }, "epochs=0x4: must be a whole number"],
    [{ rate: "1", epochs: " 4" }, "epochs= 4: must be a whole number"],
    [{ rate: "fast" }, "rate=fast: must be a number"],
    [{ rate: "NaN" }, "rate=NaN: must be a number"],
    [{}, '"rate" has no default: name a value, rate=...'],
    [{ rate: "1", network: "MLP" }, "network=MLP: must be one of mlp, cnn"],
    [{ rate: "1", nets: "1" }, '"nets" is unknown; parameters: epochs, rate, network'],
  ])("%j is refused", (given, problem) => {
    expect(problems(given as Record<string, string>)).toEqual([problem]);
  });

  it("are refused all at once", () => {
    expect(problems({ epochs: "x", other: "1" })).toHaveLength(3);
  });
});

describe("the hash of a spec", () => {
  it("does not depend on the order of keys, and on everything else", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        const shuffled = JSON.parse(JSON.stringify({ b: other, a: one }));
        expect(specHash({ a: one, b: other })).toBe(specHash(shuffled));
        expect(canonical(one) === canonical(other)).toBe(specHash(one) === specHash(other));
      }),
    );
    expect(specHash({ a: [1, 2] })).not.toBe(specHash({ a: [2, 1] }));
  });
});

describe("quantities", () => {
  it("of time and processors are read as Argo and Kubernetes write them", () => {
    expect(["90s", "5m", "1.5h", "250ms", "7"].map(milliseconds)).toEqual([
      90_000, 300_000, 5_400_000, 250, 7_000,
    ]);
    expect(() => milliseconds("5 d")).toThrow('"5 d" is no duration');
    expect(["500m", "2", "1.5"].map(cores)).toEqual([0.5, 2, 1.5]);
  });
});

describe("a room", () => {
  it("lets nobody pass who came later", async () => {
    const room = new Room(2);
    const order: string[] = [];
    const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
    const enter = (index: number, size: number): Promise<void> =>
      room.within(size, async () => {
        order.push(String(index));
        await gates[index]?.promise;
      });
    const all = [enter(0, 1), enter(1, 2), enter(2, 1), enter(3, 1)];
    await new Promise(setImmediate);
    expect(order).toEqual(["0"]);
    gates[0]?.resolve();
    await all[0];
    await new Promise(setImmediate);
    expect(order).toEqual(["0", "1"]);
    gates[1]?.resolve();
    await all[1];
    await new Promise(setImmediate);
    expect(order).toEqual(["0", "1", "2", "3"]);
    for (const gate of gates) gate.resolve();
    await Promise.all(all);
  });

  it("makes room again after a failure", async () => {
    const room = new Room(1);
    await expect(room.within(5, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await room.within(1, async () => "in")).toBe("in");
  });
});

describe("words of a command", () => {
  it("are filled from the environment as Kubernetes does, but never with a secret", () => {
    const environment = { BUCKET: "models", KEY: "s3cr3t-value" };
    const fillIn = (word: string): string => expand(word, environment, ["s3cr3t-value"]);
    expect(fillIn("s3://$(BUCKET)/$(ABSENT)/$$(BUCKET)")).toBe("s3://models/$(ABSENT)/$(BUCKET)");
    expect(() => fillIn("--key=$(KEY)")).toThrow("$(KEY) would put a secret into the arguments");
  });

  it("in logs show no secret", () => {
    expect(redact("a s3cr3t b s3cr3t", ["s3cr3t"])).toBe("a [secret] b [secret]");
  });
});
