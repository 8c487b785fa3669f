import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Phase, parseDepends } from "../../../packages/runner/depends.ts";
import { ExpressionError, evaluate, parseExpression } from "../../../packages/runner/expression.ts";
import { fill, TagError } from "../../../packages/runner/tags.ts";

const truth = (text: string): boolean => evaluate(parseExpression(text), (name) => name);

describe("expressions", () => {
  it.each([
    ["'a' == 'a'", true],
    ["heads == heads", true],
    ["'1' == 1", false],
    ["3 > 2.5 && !(2 >= 3)", true],
    ["'a' != \"a\" || true", true],
    ["false || false && true", false],
    ["'it''s' == x", "error"],
    ["'it\\'s' == 'it\\'s'", true],
    ["'b' > 'a'", true],
    ["'b' > 1", "error"],
    ["word", "error"],
    ["(true", "error"],
    ["true true", "error"],
    ["", "error"],
  ])("%s is %s", (text, expected) => {
    if (expected === "error") expect(() => truth(text)).toThrow(ExpressionError);
    else expect(truth(text)).toBe(expected);
  });

  it("mean what their parts mean, however they are nested", () => {
    interface Known {
      readonly text: string;
      readonly value: boolean;
    }
    const leaves: Known[] = [
      { text: "true", value: true },
      { text: "false", value: false },
      { text: "1 < 2", value: true },
      { text: "'a' == 'b'", value: false },
    ];
    const { tree } = fc.letrec<{ tree: Known; sums: Known; not: Known }>((tie) => ({
      tree: fc.oneof({ depthSize: "medium" }, fc.constantFrom(...leaves), tie("sums"), tie("not")),
      // Unparenthesized: && binds its operands closer than ||.
      sums: fc
        .array(fc.array(tie("tree"), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 })
        .map((sums) => ({
          text: `(${sums.map((factors) => factors.map(({ text }) => text).join(" && ")).join(" || ")})`,
          value: sums.some((factors) => factors.every(({ value }) => value)),
        })),
      not: tie("tree").map(({ text, value }) => ({ text: `!(${text})`, value: !value })),
    }));
    fc.assert(fc.property(tree, ({ text, value }) => truth(text) === value));
  });
});

describe("depends", () => {
  const holds = (text: string, phases: Record<string, Phase>): boolean =>
    parseDepends(text).holds((name) => ({ phase: phases[name] ?? "Pending" }));

  it("knows each result", () => {
    const results = {
      Succeeded: "Succeeded",
      Failed: "Failed",
      Errored: "Error",
      Skipped: "Skipped",
      Omitted: "Omitted",
    };
    for (const [result, phase] of Object.entries(results)) {
      for (const other of Object.values(results)) {
        expect(holds(`a.${result}`, { a: other as Phase })).toBe(other === phase);
      }
    }
  });

  it("names the tasks that must have ended, hyphens and all", () => {
    expect(parseDepends("gate-1.Succeeded && (gate-2.Failed || gate-1.Skipped)").tasks).toEqual([
      "gate-1",
      "gate-2",
    ]);
  });

  it("looks into a fanned-out task", () => {
    const judge = (text: string, children: Phase[]): boolean =>
      parseDepends(text).holds(() => ({ phase: "Failed", children }));
    expect(judge("a.AnySucceeded", ["Failed", "Succeeded"])).toBe(true);
    expect(judge("a.AnySucceeded", ["Failed"])).toBe(false);
    expect(judge("a.AllFailed", ["Failed", "Failed"])).toBe(true);
    expect(judge("a.AllFailed", ["Failed", "Succeeded"])).toBe(false);
  });
});

describe("tags", () => {
  const scope = new Map([
    ["a.b", "{{c}}"],
    ["c", "x"],
  ]);

  it("are filled once, wherever they stand", () => {
    expect(fill("<{{a.b}}> {{ c }}{{c}}", scope)).toBe("<{{c}}> xx");
  });

  it("without a value are an error", () => {
    expect(() => fill("{{d}}", scope)).toThrow(TagError);
  });
});
