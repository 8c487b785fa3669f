import { type ChartSpec, ChartTableError } from "../../charts.ts";

/**
 * Refuses charts whose archives nobody has compared with a known digest: what runs in an account that
 * matters is what was looked at.
 *
 * @throws ChartTableError naming every such chart.
 */
export function refuseUnverified<Name extends string>(
  table: Readonly<Record<Name, Pick<ChartSpec, "digest">>>,
  selected: readonly Name[],
): void {
  const unverified = selected.filter((name) => table[name].digest === "unverified");
  if (unverified.length === 0) return;
  throw new ChartTableError(
    unverified.map(
      (name) => `${name}: its digest is unverified, which the aws stack does not take; run \`make lock\``,
    ),
  );
}
