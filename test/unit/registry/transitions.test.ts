import {
  addEvidence,
  approve,
  missingEvidence,
  promote,
  type RecordState,
  RefusedError,
  rollback,
  setCanary,
  stage,
  voidEvidence,
  wantedVersions,
  withdraw,
} from "@mlops/registry";
import { describe, expect, it } from "vitest";
import { evidenceOf, fileOf, intentOf, model, versionOf } from "./deployments.ts";

/** Approved and staged: registered version `n` as served version `n`. */
function staged(state: RecordState | undefined, n: number, against?: number): RecordState {
  const approved = approve(state, { name: model, server: "triton" }, intentOf(n, against));
  return stage(approved, versionOf(n), [fileOf(n)]);
}

function tested(state: RecordState, n: number): RecordState {
  return addEvidence(state, evidenceOf("functional", versionOf(n).artifact.sha256));
}

function live(n: number): RecordState {
  let state: RecordState | undefined;
  for (let version = 1; version <= n; version++) {
    const against = version === 1 ? undefined : version - 1;
    state = promote(tested(staged(state, version, against), version), `digits-v${version}`);
  }
  return state as RecordState;
}

describe("promote", () => {
  it("makes the first model live, with nothing before it", () => {
    const state = live(1);
    expect(state.live).toEqual(versionOf(1));
    expect(state.previous).toBeUndefined();
    expect(state.candidate).toBeUndefined();
  });

  it("keeps what was live as previous, and lets go of what was before", () => {
    const state = live(3);
    expect(state.live).toEqual(versionOf(3));
    expect(state.previous).toEqual(versionOf(2));
    expect(wantedVersions(state as never).map(({ version }) => version)).toEqual([3, 2]);
    expect(state.evidence.map(({ artifactSha256 }) => artifactSha256)).not.toContain(
      versionOf(1).artifact.sha256,
    );
  });

  it("does nothing when it runs again", () => {
    const state = live(2);
    expect(promote(state, "digits-v2")).toBe(state);
  });

  it.each(["accuracy", "parity", "functional"])("refuses without the evidence of gate %s", (gate) => {
    const ready = tested(staged(live(1), 2, 1), 2);
    const sum = versionOf(2).artifact.sha256;
    const without = ready.evidence.filter((entry) => !(entry.gate === gate && entry.artifactSha256 === sum));
    expect(() => promote({ ...ready, evidence: without }, "digits-v2")).toThrow(
      `gate ${gate} has not passed this artifact`,
    );
    expect(promote(ready, "digits-v2").live).toEqual(versionOf(2));
  });

  it("refuses evidence of another artifact", () => {
    const ready = tested(staged(live(1), 2, 1), 2);
    const other = ready.evidence.map((entry) => ({ ...entry, artifactSha256: "0".repeat(64) }));
    expect(() => promote({ ...ready, evidence: other }, "digits-v2")).toThrow("has not passed this artifact");
  });

  it("refuses a comparison with a version that is not live any more", () => {
    const stale = tested(staged(live(2), 3, 1), 3);
    expect(() => promote(stale, "digits-v3")).toThrow(
      "gate accuracy is stale: version 1 was live when it ran, version 2 is now; run the gate again",
    );
    const alone = tested(staged(live(1), 2, undefined), 2);
    expect(() => promote(alone, "digits-v2")).toThrow("nothing was live when it ran, version 1 is now");
  });

  it("names every gate that is missing at once", () => {
    const state = { ...staged(live(1), 2, 1), evidence: [] };
    expect(missingEvidence(state, versionOf(2))).toHaveLength(3);
  });

  it.each<[string, RecordState | undefined]>([
    ["no record", undefined],
    ["an approved version", approve(live(1), { name: model, server: "triton" }, intentOf(2, 1))],
    ["another candidate", staged(live(1), 3, 1)],
    ["a withdrawn candidate", withdraw(tested(staged(live(1), 2, 1), 2), versionOf(2))],
    ["a previous version", live(3)],
  ])("refuses a shortcut from %s", (_from, state) => {
    expect(() => promote(state, "digits-v2")).toThrow(RefusedError);
  });
});

describe("stage", () => {
  it("refuses what the gates did not choose", () => {
    expect(() => stage(undefined, versionOf(1), [fileOf(1)])).toThrow("no version has passed the gates");
    const approved = approve(live(1), { name: model, server: "triton" }, intentOf(3, 1));
    expect(() => stage(approved, versionOf(2), [fileOf(2)])).toThrow("version 3 is chosen for deployment");
  });

  it("refuses files other than those that the gates judged", () => {
    const approved = approve(undefined, { name: model, server: "triton" }, intentOf(1));
    expect(() => stage(approved, versionOf(1), [fileOf(2)])).toThrow("the one that the gates judged");
  });

  it("lets a newer version take the place of an older candidate, not the other way round", () => {
    const newer = staged(staged(live(1), 2, 1), 3, 1);
    expect(newer.candidate).toEqual(versionOf(3));
    expect(() => staged(newer, 2, 1)).toThrow("the newer digits-v3 is being deployed");
  });

  it("does nothing when it runs again, also after the promotion", () => {
    const state = staged(live(1), 2, 1);
    expect(stage(state, versionOf(2), [fileOf(2)])).toBe(state);
    expect(stage(live(2), versionOf(2), [fileOf(2)]).candidate).toBeUndefined();
  });
});

describe("rollback", () => {
  it("swaps live and previous, and takes back the choice for deployment", () => {
    const state = rollback(live(2), "digits-v2");
    expect(state.live).toEqual(versionOf(1));
    expect(state.previous).toEqual(versionOf(2));
    expect(state.intent).toBeUndefined();
  });

  it("does not roll forward when it runs again", () => {
    const state = rollback(live(2), "digits-v2");
    expect(rollback(state, "digits-v2")).toBe(state);
  });

  it("refuses to go back from a version that is not live, and from the first one", () => {
    expect(() => rollback(live(3), "digits-v1")).toThrow("digits-v3 is live");
    expect(() => rollback(live(1), "digits-v1")).toThrow("no version before it");
    expect(() => rollback(undefined, "digits-v1")).toThrow("nothing is live");
  });

  it("makes the candidate's comparison stale", () => {
    const state = rollback(tested(staged(live(2), 3, 2), 3), "digits-v2");
    expect(() => promote(state, "digits-v3")).toThrow("stale");
  });
});

describe("rollback beside a canary", () => {
  it("ends it: the candidate was never compared with what is live then", () => {
    const canary = setCanary(tested(staged(live(2), 3, 2), 3), "digits-v3", 0.1);
    const state = rollback(canary, "digits-v2");
    expect(state.candidate).toEqual(versionOf(3));
    expect(state).not.toHaveProperty("canaryShare");
    expect(() => setCanary(state, "digits-v3", 0.1)).toThrow("stale");
  });
});

describe("rollback to a candidate", () => {
  it("leaves none: it is live", () => {
    const forward = staged(rollback(live(2), "digits-v2"), 2, 1);
    const state = rollback(forward, "digits-v1");
    expect(state.live).toEqual(versionOf(2));
    expect(state).not.toHaveProperty("candidate");
  });
});

describe("withdraw", () => {
  it("takes back the candidate and its canary, and nothing else", () => {
    const state = setCanary(tested(staged(live(2), 3, 2), 3), "digits-v3", 0.1);
    const after = withdraw(state, versionOf(3));
    expect(after?.candidate).toBeUndefined();
    expect(after?.canaryShare).toBeUndefined();
    expect(after?.live).toEqual(versionOf(2));
    expect(after?.previous).toEqual(versionOf(1));
    expect(withdraw(after, versionOf(3))).toBe(after);
  });

  it("is for good, also of a version that was not staged yet", () => {
    const approved = approve(live(1), { name: model, server: "triton" }, intentOf(2, 1));
    const after = withdraw(approved, versionOf(2));
    expect(after).toEqual({ ...approved, withdrawn: [2] });
    expect(() => stage(after, versionOf(2), [fileOf(2)])).toThrow("cannot stage digits-v2: it was withdrawn");
    expect(stage(after, versionOf(3, 2), [fileOf(2)]).candidate).toEqual(versionOf(3, 2));
  });

  it("takes the candidacy of a version that was rolled back before, and leaves it as previous", () => {
    const back = rollback(live(2), "digits-v2");
    const canary = setCanary(tested(staged(back, 2, 1), 2), "digits-v2", 0.5);
    const after = withdraw(canary, versionOf(2));
    expect(after?.previous).toEqual(versionOf(2));
    expect(after).not.toHaveProperty("candidate");
    expect(after).not.toHaveProperty("canaryShare");
    expect(after).not.toHaveProperty("withdrawn");
  });

  it("leaves a version that is live, or another candidate", () => {
    const state = staged(live(2), 3, 2);
    expect(withdraw(state, versionOf(1))).toBe(state);
    expect(withdraw(state, versionOf(2))).toBe(state);
    expect(withdraw(state, versionOf(4))?.candidate).toEqual(versionOf(3));
    expect(withdraw(undefined, versionOf(2))).toBeUndefined();
  });
});

describe("setCanary", () => {
  it("needs the same evidence as a promotion", () => {
    const state = staged(live(1), 2, 1);
    expect(() => setCanary(state, "digits-v2", 0.1)).toThrow("gate functional has not passed");
    expect(setCanary(tested(state, 2), "digits-v2", 0.1).canaryShare).toBe(0.1);
  });

  it("ends at 0, and keeps others from staging until then", () => {
    const canary = setCanary(tested(staged(live(1), 2, 1), 2), "digits-v2", 0.1);
    expect(() => staged(canary, 3, 1)).toThrow("a canary of digits-v2 is running");
    expect(setCanary(canary, "digits-v2", 0)).not.toHaveProperty("canaryShare");
  });

  it("refuses shares that cannot be, other versions, and a first model", () => {
    const state = tested(staged(live(1), 2, 1), 2);
    expect(() => setCanary(state, "digits-v2", 1.5)).toThrow(RangeError);
    expect(() => setCanary(state, "digits-v2", Number.NaN)).toThrow(RangeError);
    expect(() => setCanary(state, "digits-v1", 0.5)).toThrow("not the candidate");
    expect(() => setCanary(tested(staged(undefined, 1), 1), "digits-v1", 0.5)).toThrow("nothing is live");
  });
});

describe("addEvidence", () => {
  it("replaces an older finding of the same gate", () => {
    const state = tested(tested(staged(live(1), 2, 1), 2), 2);
    const sum = versionOf(2).artifact.sha256;
    const found = state.evidence.filter(
      (entry) => entry.gate === "functional" && entry.artifactSha256 === sum,
    );
    expect(found).toHaveLength(1);
  });

  it("refuses what is not the candidate", () => {
    expect(() => addEvidence(live(1), evidenceOf("functional", "0".repeat(64)))).toThrow("not the candidate");
  });
});

describe("voidEvidence", () => {
  const sum = (n: number): string => versionOf(n).artifact.sha256;

  it("takes back what a gate said before: the candidate gets no live traffic any more", () => {
    const canary = setCanary(tested(staged(live(1), 2, 1), 2), "digits-v2", 0.1);
    const state = voidEvidence(canary, "functional", sum(2)) as RecordState;
    expect(state).not.toHaveProperty("canaryShare");
    expect(state.candidate).toEqual(versionOf(2));
    expect(() => promote(state, "digits-v2")).toThrow("gate functional has not passed");
    expect(promote(tested(state, 2), "digits-v2").live).toEqual(versionOf(2));
  });

  it("changes nothing where there is nothing to take back, nor what is live", () => {
    const state = tested(staged(live(1), 2, 1), 2);
    expect(voidEvidence(state, "evaluation", sum(2))).toBe(state);
    expect(voidEvidence(state, "functional", sum(1))).toBe(state);
    expect(voidEvidence(undefined, "functional", sum(1))).toBeUndefined();
  });
});

describe("approve", () => {
  it("refuses a model of another server", () => {
    expect(() => approve(live(1), { name: model, server: "vllm" }, intentOf(2, 1))).toThrow(
      "served by triton",
    );
  });
});
