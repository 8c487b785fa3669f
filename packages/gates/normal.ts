const known = new Map<number, number>();

/**
 * Quantile of the standard normal distribution, by bisection of its distribution function: exact to 1e-12. What was
 * asked before is remembered: simulations ask for the same confidence all the time.
 */
export function normalQuantile(probability: number): number {
  const found = known.get(probability) ?? solveQuantile(probability);
  known.set(probability, found);
  return found;
}

function solveQuantile(probability: number): number {
  if (!(probability > 0 && probability < 1)) throw new RangeError(`${probability} is no probability`);
  let low = -40;
  let high = 40;
  while (high - low > 1e-12) {
    const middle = (low + high) / 2;
    if (normalDistribution(middle) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(Z <= z): the series near zero, the continued fraction in the tails. */
export function normalDistribution(z: number): number {
  if (z < 0) return 1 - normalDistribution(-z);
  if (z > 40) return 1;
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  if (z < 3) {
    let term = z;
    let sum = z;
    for (let k = 1; term > 1e-17 * sum; k++) {
      term *= (z * z) / (2 * k + 1);
      sum += term;
    }
    return 0.5 + density * sum;
  }
  let fraction = 0;
  for (let k = 100; k >= 1; k--) fraction = k / (z + fraction);
  return 1 - density / (z + fraction);
}
