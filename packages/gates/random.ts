/** A source of numbers from 0 to below 1. */
export type Random = () => number;

/**
 * Seeded generator (xoshiro128**, by Blackman and Vigna), so that a decision that resamples, and every simulation,
 * can be repeated to the last bit on any machine.
 */
export function seededRandom(seed: number): Random {
  // splitmix32 spreads the seed over the state.
  let mixed = seed >>> 0;
  const next = (): number => {
    mixed = (mixed + 0x9e3779b9) >>> 0;
    let z = mixed;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  let a = next();
  let b = next();
  let c = next();
  let d = next();
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result / 2 ** 32;
  };
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** A draw from the binomial distribution: exact, in time proportional to the count of the rarer outcome. */
export function binomial(random: Random, n: number, probability: number): number {
  if (probability <= 0 || n <= 0) return 0;
  if (probability >= 1) return n;
  if (probability > 0.5) return n - binomial(random, n, 1 - probability);
  // Gaps between successes are geometric.
  const scale = Math.log1p(-probability);
  let count = -1;
  for (let position = 0; position <= n; count++) {
    position += Math.floor(Math.log(1 - random()) / scale) + 1;
  }
  return count;
}
