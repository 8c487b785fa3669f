import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readTables } from "../../../tools/gates/document.ts";
import { canaryTables } from "../../../tools/gates/errorRates.ts";

describe("docs/gates.md", () => {
  const document = readTables(readFileSync(join(import.meta.dirname, "../../../docs/gates.md"), "utf8"));
  const tables = document.slice(document.indexOf("The canary, "));

  it("ends with what the simulation of the canary prints", { timeout: 300_000 }, () => {
    expect(tables).toBe(canaryTables());
  });

  it("shows that the canary stops hardly any healthy version, and passes hardly any that is beyond a limit", () => {
    const rows = new Map(
      tables
        .split("\n")
        .filter((line) => line.startsWith("|"))
        .map((line) => line.split("|").map((cell) => cell.trim()))
        .map(([, name = "", , passed = "", , failed = ""]) => [
          name,
          { passed: Number.parseFloat(passed), failed: Number.parseFloat(failed) },
        ]),
    );
    for (const name of ["as live", "as live, 0.3 % errors", "1.2 times as slow", "refuses 5 points more"]) {
      expect(rows.get(name)?.failed, name).toBeLessThanOrEqual(0.1);
      expect(rows.get(name)?.passed, name).toBeGreaterThanOrEqual(90);
    }
    for (const name of ["2 times as slow", "3 % errors", "refuses 20 points more"]) {
      expect(rows.get(name)?.passed, name).toBe(0);
      expect(rows.get(name)?.failed, name).toBeGreaterThanOrEqual(99);
    }
    for (const name of rows.keys()) {
      if (name.endsWith("the limit")) expect(rows.get(name)?.passed, name).toBeLessThanOrEqual(5);
    }
  });
});
