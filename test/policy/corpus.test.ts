import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { admissionRules } from "../../policy/admission/policies.ts";
import { checkCharts } from "../../policy/charts/check.ts";
import { manifestOf, parseManifests } from "../../policy/manifests/parseManifests.ts";
import { rules, stackRules } from "../../policy/rules/catalog.ts";
import type { Finding } from "../../policy/rules/types.ts";
import { runCli } from "./cliDoor.ts";
import { type CorpusEntry, corpusContext, expectedAt, readCorpus } from "./corpus.ts";
import { type DeclaredResource, reportsOn, reportsOnStack } from "./packDoor.ts";

const corpus = readCorpus();
const manifests = corpus.filter(({ subject }) => subject === undefined);

/** What a door found, by rule. */
interface Found {
  readonly violations: string[];
  readonly deferred: string[];
}

function expected(entry: CorpusEntry, door: "pack" | "charts" | "cli"): Found {
  return { violations: expectedAt(door, entry.fires), deferred: expectedAt(door, entry.deferred) };
}

function byRule(findings: readonly Pick<Finding, "kind" | "rule">[]): Found {
  const of = (kind: Finding["kind"]): string[] =>
    [...new Set(findings.filter((finding) => finding.kind === kind).map(({ rule }) => rule))].toSorted();
  return { violations: of("violation"), deferred: of("deferred") };
}

describe("the corpus", () => {
  test("is large, and every rule fires in it", () => {
    expect(corpus.length).toBeGreaterThanOrEqual(120);
    const names = [...rules, ...stackRules].map(({ name }) => name);
    const named = corpus.flatMap(({ fires, deferred }) => [...Object.keys(fires), ...Object.keys(deferred)]);
    expect([...new Set(named)].toSorted()).toEqual(names.toSorted());
  });

  test("names at the door of admission only rules that admission decides", () => {
    const decided = (["local", "aws"] as const).flatMap((stack) => admissionRules(corpusContext(stack)));
    for (const { name, fires } of corpus) {
      for (const rule of expectedAt("admission", fires)) expect(decided, name).toContain(rule);
    }
  });
});

describe("the pack", () => {
  test.each(corpus)("$name: $about", async (entry) => {
    const context = corpusContext(entry.stack);
    if (entry.subject === "stack") {
      const reported = await reportsOnStack(parse(entry.text) as DeclaredResource[], context);
      expect([...new Set(reported)].toSorted()).toEqual(expectedAt("pack", entry.fires));
      return;
    }
    const resources =
      entry.subject === undefined
        ? parseManifests(entry.text).map(({ value }) => ({ type: tokenOf(value), inputs: value }))
        : [{ type: entry.subject, inputs: parse(entry.text) as Record<string, unknown> }];
    const reports = (
      await Promise.all(resources.map((resource) => reportsOn({ ...resource, name: "x" }, context)))
    ).flat();
    const found = reports.map(([policy]) => policy);
    expect([...new Set(found.filter((name) => name !== "deferred-to-admission"))].toSorted()).toEqual(
      expectedAt("pack", entry.fires),
    );
    expect(found.includes("deferred-to-admission")).toBe(expectedAt("pack", entry.deferred).length > 0);
  });
});

function tokenOf({ apiVersion, kind }: Record<string, unknown>): string {
  return `kubernetes:${String(apiVersion).replace(/^v1$/, "core/v1")}:${kind}`;
}

describe("rendered charts", () => {
  test.each(manifests)("$name: $about", (entry) => {
    const chart = {
      chart: "x",
      namespace: "releases",
      manifests: parseManifests(entry.text),
      file: entry.name,
    };
    const none = { file: "exceptions.yaml", exceptions: [], locate: manifestOf({}).locate };
    const { findings } = checkCharts([chart], none, corpusContext(entry.stack), "2026-11-21");
    expect(byRule(findings)).toEqual(expected(entry, "charts"));
  });
});

describe("the CLI", () => {
  test.each(manifests)("$name: $about", async (entry) => {
    const files = { "context.yaml": JSON.stringify(corpusContext(entry.stack)), "x.yaml": entry.text };
    const argv = ["--context", "context.yaml", "--format", "json", "x.yaml"];
    const { code, output } = await runCli(argv, files);
    const { findings } = JSON.parse(output) as { findings: Finding[] };
    expect(byRule(findings)).toEqual(expected(entry, "cli"));
    const blocking = findings.some(({ kind, level }) => kind === "violation" && level !== "advisory");
    expect(code).toBe(blocking ? 1 : 0);
  });
});
