/** How numbers read in the reasons of checks. */

export function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

/** A difference of shares, with its sign. */
export function points(difference: number): string {
  return `${difference > 0 ? "+" : ""}${(100 * difference).toFixed(2)}`;
}
