import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { documentedFacts, factsFile } from "../../../tools/training/facts.ts";

/**
 * A new snapshot makes the data set and the base model tiny-docs anew, so not every new version of a chart shall need
 * one; but what the corpus teaches shall be what the documentation says.
 */
const STALE = 0.01;

it("the corpus of language models asks about what the project's tables say now", () => {
  const snapshot = JSON.parse(readFileSync(factsFile, "utf8")) as ReturnType<typeof documentedFacts>;
  const tables = new Map(documentedFacts().map((page) => [page.name, JSON.stringify(page)]));
  const stale = snapshot.filter((page) => tables.get(page.name) !== JSON.stringify(page));
  const names = new Set(snapshot.map(({ name }) => name));
  const missing = [...tables.keys()].filter((name) => !names.has(name));
  expect(
    stale.length + missing.length,
    `\`node tools/training/cli.ts facts\` takes a new snapshot; stale: ${stale.map(({ name }) => name).join(", ")}; ` +
      `missing: ${missing.join(", ")}`,
  ).toBeLessThan(STALE * snapshot.length);
});
