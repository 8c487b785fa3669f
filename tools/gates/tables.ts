import type { Rates } from "./scenarios.ts";

/** A Markdown table; the last cell of a row holds the shares of the three verdicts. */
export function table<T>(
  columns: readonly string[],
  scenarios: readonly T[],
  cells: (scenario: T) => readonly string[],
): string[] {
  const head = [...columns, "passed", "inconclusive", "failed"];
  return [
    `| ${head.join(" | ")} |`,
    `|${" --- |".repeat(head.length)}`,
    ...scenarios.map((scenario) => `| ${cells(scenario).join(" | ")} |`),
  ];
}

export function rates({ passed, inconclusive, failed }: Rates): string {
  return `${percent(passed)} | ${percent(inconclusive)} | ${percent(failed)}`;
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
