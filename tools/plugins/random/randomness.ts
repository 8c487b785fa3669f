import { randomInt } from "node:crypto";

/** The widest range that `uniform` can draw from. */
export const maxRange = 2 ** 48 - 1;

/** A whole number from 0 up to, not including, `count`, each as likely as any other, from a secure source. */
export function uniform(count: number): number {
  return randomInt(count);
}

/** `count` items drawn with repetition. */
export function draw<T>(items: readonly T[], count: number): T[] {
  return Array.from({ length: count }, () => items[uniform(items.length)] as T);
}

/** The items in an order that is as likely as any other (Fisher and Yates). */
export function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = uniform(last + 1);
    [result[last], result[other]] = [result[other] as T, result[last] as T];
  }
  return result;
}
