import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { charts } from "../../../charts.ts";
import { sha256 } from "../../../tools/charts/files.ts";
import { publishedDigest, withDigests, writeDigests } from "../../../tools/charts/lock.ts";
import { PullError } from "../../../tools/charts/pull.ts";
import { projectRoot } from "../../../tools/lib/paths.ts";
import { chartArchive, chartSpec, temporaryFolder } from "./support.ts";

const table = `export const charts = {
  "with-dash": {
    chart: "with-dash",
    digest: "unverified",
    needs: [],
  },
  plain: {
    chart: "plain",
    // "unverified" in a comment stays.
    digest: "unverified",
    needs: ["with-dash"],
  },
  pinned: {
    chart: "pinned",
    digest: "sha256:${"a".repeat(64)}",
  },
};
`;
const digest = `sha256:${"b".repeat(64)}`;

describe("filling digests into the table", () => {
  it("changes the entry's own line and nothing else", () => {
    const changed = withDigests(table, new Map([["plain", digest]]));
    const different = changed.split("\n").filter((line, index) => line !== table.split("\n")[index]);
    expect(different).toEqual([`    digest: "${digest}",`]);
    expect(changed.indexOf(digest)).toBeGreaterThan(changed.indexOf("plain: {"));
  });

  it("finds each unverified entry of the real table", () => {
    const text = readFileSync(join(projectRoot, "charts.ts"), "utf8");
    const open = Object.entries(charts).filter(([, spec]) => spec.digest === "unverified");
    const changed = withDigests(text, new Map(open.map(([name]) => [name, digest])));
    expect(changed.split(digest).length - 1).toBe(open.length);
    expect(changed).not.toContain('digest: "unverified"');
  });

  it.each(["pinned", "absent"])("refuses an entry that is not there to be filled: %s", (name) => {
    expect(() => withDigests(table, new Map([[name, digest]]))).toThrow(name);
  });

  it("leaves the file untouched when one entry is refused", () => {
    const path = join(temporaryFolder(), "charts.ts");
    writeFileSync(path, table);
    expect(() =>
      writeDigests(
        path,
        new Map([
          ["plain", digest],
          ["absent", digest],
        ]),
      ),
    ).toThrow("absent");
    expect(readFileSync(path, "utf8")).toBe(table);
  });
});

describe("a published digest", () => {
  const archive = chartArchive();

  it("is that of the archive which the repository sends", async () => {
    const outcome = await publishedDigest(chartSpec(), async (_, folder) => {
      writeFileSync(join(folder, "tiny-1.2.3.tgz"), archive);
      return join(folder, "tiny-1.2.3.tgz");
    });
    expect(outcome).toEqual({ digest: `sha256:${sha256(archive)}` });
  });

  it("is not taken from another chart, nor when the repository gives none", async () => {
    const wrong = await publishedDigest(chartSpec({ version: "9.9.9" }), async (_, folder) => {
      writeFileSync(join(folder, "tiny.tgz"), archive);
      return join(folder, "tiny.tgz");
    });
    expect(wrong).toEqual({ problem: expect.stringContaining("9.9.9") });
    const absent = await publishedDigest(chartSpec(), async () => {
      throw new PullError("no such chart", "chart");
    });
    expect(absent).toEqual({ problem: "no such chart" });
  });
});
