import { answerDistance, judgeSmoke, type ProbeAnswer, type ReplicaProbes } from "@mlops/gates";
import { describe, expect, it } from "vitest";

function answer(text: string, ...logprobs: number[]): ProbeAnswer {
  return { text, tokens: text.split(" "), logprobs };
}

const candidate = [answer("it is so", -0.1, -0.2, -0.3)];
const base = [answer("once upon", -1, -2)];
const live = [answer("it is so", -0.5, -0.2, -0.3)];
const replica = (name: string, changes: Partial<ReplicaProbes> = {}): ReplicaProbes => ({
  replica: name,
  candidate,
  base,
  live,
  again: changes.candidate ?? candidate,
  ...changes,
});

const failedOf = (replicas: readonly ReplicaProbes[]): string[] =>
  judgeSmoke(replicas)
    .checks.filter(({ verdict }) => verdict === "failed")
    .map(({ name }) => name);

describe("the distance of two answers", () => {
  it("is the largest difference of probabilities as far as they say the same", () => {
    expect(answerDistance(answer("a b", -1, -2), answer("a b", -1, -2.5))).toBe(0.5);
    expect(answerDistance(answer("a b", -1, -2), answer("a c", -1.25, -9))).toBe(0.25);
    expect(answerDistance(answer("a", -1), answer("b", -1))).toBe(Number.POSITIVE_INFINITY);
    expect(answerDistance({ text: "", tokens: [], logprobs: [] }, answer("b", -1))).toBe(
      Number.POSITIVE_INFINITY,
    );
  });
});

describe("the smoke test", () => {
  it("passes an adapter that answers otherwise than base and live, and alike on every replica", () => {
    const rounded = [answer("it is so", -0.11, -0.2, -0.3)];
    expect(judgeSmoke([replica("a"), replica("b", { candidate: rounded })]).verdict).toBe("passed");
    expect(judgeSmoke([{ replica: "a", candidate, base, again: candidate }]).verdict).toBe("passed");
  });

  it("fails what answers as its base or as live on one replica, on that replica", () => {
    expect(failedOf([replica("a"), replica("b", { candidate: base })])).toEqual([
      "differs from base model at b",
      "b as a",
    ]);
    expect(failedOf([replica("a"), replica("b", { candidate: live })])).toEqual([
      "differs from live at b",
      "b as a",
    ]);
  });

  it("tells two models apart that are close, if the candidate is far closer to itself", () => {
    const close = [answer("it is so", -0.14, -0.2, -0.3)];
    expect(failedOf([replica("a", { live: close })])).toEqual([]);
    const wavering = [answer("it is so", -0.12, -0.2, -0.3)];
    expect(failedOf([replica("a", { live: close, again: wavering })])).toEqual(["differs from live at a"]);
  });

  it("fails an empty answer, and decides nothing without probes or replicas", () => {
    expect(failedOf([replica("a", { candidate: [answer(" ", -0.1)] })])).toContain("answers");
    expect(judgeSmoke([]).verdict).toBe("inconclusive");
    expect(judgeSmoke([{ replica: "a", candidate: [], base: [], again: [] }]).verdict).toBe("inconclusive");
  });
});
