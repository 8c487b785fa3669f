import { describe, expect, it } from "vitest";
import { ChartTableError } from "../../../charts.ts";
import { refuseUnverified } from "../../../components/aws/digests.ts";

const table = {
  checked: { digest: `sha256:${"a".repeat(64)}` },
  ours: { digest: "own" },
  open: { digest: "unverified" },
  alsoOpen: { digest: "unverified" },
};

describe("refuseUnverified", () => {
  it("takes charts with a digest, and our own", () => {
    expect(() => refuseUnverified(table, ["checked", "ours"])).not.toThrow();
  });

  it("names every chart without one, and what to do", () => {
    const refused = () => refuseUnverified(table, ["checked", "open", "alsoOpen"]);
    expect(refused).toThrow(ChartTableError);
    expect(refused).toThrow(/open: .*make lock[\s\S]*alsoOpen: .*make lock/);
  });
});
