import { readFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "@mlops/gates";
import { describe, expect, it } from "vitest";
import { binomial } from "../../../packages/gates/random.ts";
import { readTables, replaceTables } from "../../../tools/gates/document.ts";
import { comparisonTables } from "../../../tools/gates/errorRates.ts";
import { simulate } from "../../../tools/gates/scenarios.ts";

describe("docs/gates.md", () => {
  it("starts with what the simulation of the comparing gates prints", { timeout: 300_000 }, () => {
    const document = readFileSync(join(import.meta.dirname, "../../../docs/gates.md"), "utf8");
    const tables = comparisonTables();
    expect(readTables(document).slice(0, tables.length)).toBe(tables);
  });

  it("shows that the evaluation gate keeps its promises", () => {
    const document = readFileSync(join(import.meta.dirname, "../../../docs/gates.md"), "utf8");
    const rows = readTables(document)
      .split("\n")
      .filter((line) => /identical|as good|5 points (lower|higher)/.test(line) && line.startsWith("|"))
      .map((line) => line.split("|").map((cell) => cell.trim()))
      .map(([, flips = "", candidate = "", passed = "", inconclusive = ""]) => ({
        flips: Number.parseFloat(flips),
        inferior: candidate.includes("5 points"),
        passed: Number.parseFloat(passed),
        inconclusive: Number.parseFloat(inconclusive),
      }));
    expect(rows.filter(({ inferior }) => inferior)).toHaveLength(5);
    expect(rows.filter(({ inferior }) => !inferior)).toHaveLength(6);
    for (const { flips, inferior, passed, inconclusive } of rows) {
      if (inferior) expect(passed).toBeLessThanOrEqual(5);
      if (!inferior && flips <= 15) expect(passed).toBeGreaterThanOrEqual(80);
      if (flips >= 27) expect(inconclusive).toBe(100);
    }
  });

  it("is changed between its markers only", () => {
    const start = "<!-- simulated: node tools/gates/simulate.ts --write -->\n";
    const end = "<!-- end of simulated -->\n";
    expect(replaceTables(`a\n${start}old\n${end}b\n`, "new\n")).toBe(`a\n${start}new\n${end}b\n`);
    expect(() => replaceTables("a", "new")).toThrow("lost the markers");
  });
});

describe("simulate", () => {
  it("keeps the gate's promise: an equal model passes in about 5 %, a clearly worse one almost never", () => {
    const random = seededRandom(3);
    const gate = { margin: 0, minimumAccuracy: 0, n: 1000, live: 0.9, bothWrong: 0.05 };
    const equal = simulate({ ...gate, candidate: 0.9 }, 4000, 0.95, random);
    expect(equal.passed).toBeGreaterThan(0.03);
    expect(equal.passed).toBeLessThan(0.07);
    expect(simulate({ ...gate, candidate: 0.87 }, 4000, 0.95, random).passed).toBeLessThan(0.002);
  });
});

describe("binomial", () => {
  it.each([
    [50, 0.02],
    [400, 0.3],
    [1000, 0.97],
  ])("of %d and %d has their mean and variance", (n, probability) => {
    const random = seededRandom(5);
    const draws = Array.from({ length: 20_000 }, () => binomial(random, n, probability));
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
    const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length;
    const expected = n * probability * (1 - probability);
    expect(Math.abs(mean - n * probability)).toBeLessThan(5 * Math.sqrt(expected / draws.length));
    expect(variance / expected).toBeGreaterThan(0.94);
    expect(variance / expected).toBeLessThan(1.06);
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...draws)).toBeLessThanOrEqual(n);
  });

  it("has its ends", () => {
    const random = seededRandom(1);
    expect(binomial(random, 10, 0)).toBe(0);
    expect(binomial(random, 10, 1)).toBe(10);
    expect(binomial(random, 0, 0.5)).toBe(0);
  });
});
