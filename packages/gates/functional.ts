import type { FilledTensor } from "./measurements.ts";
import { type Check, type Decision, overall, type Verdict } from "./verdict.ts";

/** What one replica answered to the held-out samples. */
export interface Answer {
  readonly replica: string;
  readonly shape: readonly number[];
  /** Row-major; null where a value was not finite. */
  readonly data: readonly (number | null)[];
}

export interface FunctionalMeasurement {
  /** Probabilities of the registered model: rows and classes. */
  readonly expected: Pick<FilledTensor, "shape" | "data">;
  readonly answers: readonly Answer[];
}

export interface FunctionalThresholds {
  /** Largest absolute difference of a probability. */
  readonly tolerance: number;
}

/** Does every replica answer in the right shape, and as the registered model? One replica that does not fails. */
export function judgeFunctional(
  { expected, answers }: FunctionalMeasurement,
  { tolerance }: FunctionalThresholds,
): Decision {
  const [samples = 0, classes = 0] = expected.shape;
  const compared = answers.map((answer) => compare(expected, answer));
  const checks: Check[] = compared.flatMap(({ replica, shape, sameShape, difference, agreeing }) => [
    {
      name: `shape at ${replica}`,
      verdict: passedIf(sameShape),
      because: `[${shape.join(", ")}], [${samples}, ${classes}] wanted`,
    },
    {
      name: `probabilities at ${replica}`,
      verdict: passedIf(difference <= tolerance),
      because: Number.isFinite(difference)
        ? `largest absolute difference ${difference.toExponential(2)}, at most ${tolerance} wanted`
        : "a value is missing or not finite",
    },
    {
      name: `agreement at ${replica}`,
      verdict: passedIf(agreeing === samples),
      because: `${agreeing} of ${samples} samples have the registered model's first answer, all wanted`,
    },
  ]);
  const largest = Math.max(...compared.map(({ difference }) => difference));
  return {
    verdict: samples === 0 ? "inconclusive" : overall(checks),
    checks,
    numbers: {
      samples,
      replicas: answers.length,
      maximumDifference: Number.isFinite(largest) ? largest : null,
    },
    thresholds: { tolerance },
  };
}

function compare(expected: FunctionalMeasurement["expected"], { replica, shape, data }: Answer) {
  const [samples = 0, classes = 0] = expected.shape;
  const sameShape = shape.length === 2 && shape[0] === samples && shape[1] === classes;
  const rows = (values: readonly (number | null)[]) =>
    Array.from({ length: samples }, (_, row) => values.slice(row * classes, (row + 1) * classes));
  const wanted = rows(expected.data);
  const found = rows(data);
  const differences = expected.data.map((value, index) => Math.abs(value - (data[index] ?? Number.NaN)));
  return {
    replica,
    shape,
    sameShape,
    difference: sameShape ? Math.max(...differences) : Number.NaN,
    agreeing: wanted.filter((row, index) => sameShape && topOf(row) === topOf(found[index] ?? [])).length,
  };
}

/** Index of the first largest value. */
function topOf(row: readonly (number | null)[]): number {
  const values = row.map((value) => value ?? Number.NEGATIVE_INFINITY);
  return values.indexOf(Math.max(...values));
}

function passedIf(condition: boolean): Verdict {
  return condition ? "passed" : "failed";
}
