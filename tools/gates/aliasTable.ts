import type { Random } from "@mlops/gates";

/** An outcome is kept with its probability here, else its alias is taken. */
export interface AliasTable {
  readonly keep: Float64Array;
  readonly alias: Uint8Array;
}

/** For draws with given probabilities in one step each (Walker's alias method in Vose's form). */
export function aliasTable(probabilities: readonly number[]): AliasTable {
  const size = probabilities.length;
  const keep = Float64Array.from(probabilities, (probability) => probability * size);
  const alias = Uint8Array.from(probabilities, (_, index) => index);
  const small = [...keep.keys()].filter((index) => (keep[index] ?? 0) < 1);
  const large = [...keep.keys()].filter((index) => (keep[index] ?? 0) >= 1);
  while (small.length > 0 && large.length > 0) {
    const low = small.pop() ?? 0;
    const high = large.pop() ?? 0;
    alias[low] = high;
    const left = (keep[high] ?? 0) - (1 - (keep[low] ?? 0));
    keep[high] = left;
    (left < 1 ? small : large).push(high);
  }
  return { keep, alias };
}

export function drawFrom({ keep, alias }: AliasTable, random: Random): number {
  const position = random() * keep.length;
  const outcome = Math.floor(position);
  return position - outcome < (keep[outcome] ?? 1) ? outcome : (alias[outcome] ?? outcome);
}
