import { binomial, judgeAccuracyCounts, type Random, type Verdict } from "@mlops/gates";

/** How two models answer one row: probabilities of the four outcomes follow from these three. */
export interface Scenario {
  readonly n: number;
  /** Accuracy of the candidate. */
  readonly candidate: number;
  /** Accuracy of live; absent for the first model. */
  readonly live?: number;
  /** Probability that both are wrong on a row. */
  readonly bothWrong?: number;
  /** The margin of the gate's second check. */
  readonly margin: number;
  /** The gate's floor; 0 takes it out of play. */
  readonly minimumAccuracy: number;
}

export type Rates = Readonly<Record<Verdict, number>>;

/** Shares of verdicts over `trials` draws of the counts. */
export function simulate(scenario: Scenario, trials: number, confidence: number, random: Random): Rates {
  const { n, candidate, live, margin, minimumAccuracy } = scenario;
  const counted: Record<Verdict, number> = { passed: 0, failed: 0, inconclusive: 0 };
  for (let trial = 0; trial < trials; trial++) {
    const counts =
      live === undefined ? { correct: binomial(random, n, candidate) } : draw(scenario, live, random);
    const { verdict } = judgeAccuracyCounts({ n, ...counts }, { minimumAccuracy, margin, confidence });
    counted[verdict]++;
  }
  return {
    passed: counted.passed / trials,
    failed: counted.failed / trials,
    inconclusive: counted.inconclusive / trials,
  };
}

/** One multinomial draw: right by the candidate alone, by live alone, by both, by none. */
function draw({ n, candidate, bothWrong = 0 }: Scenario, live: number, random: Random) {
  const firstOnlyProbability = 1 - live - bothWrong;
  const secondOnlyProbability = 1 - candidate - bothWrong;
  const firstOnly = binomial(random, n, firstOnlyProbability);
  const secondOnly = binomial(random, n - firstOnly, secondOnlyProbability / (1 - firstOnlyProbability));
  const same = n - firstOnly - secondOnly;
  const noneRight = binomial(random, same, bothWrong / (1 - firstOnlyProbability - secondOnlyProbability));
  return { correct: n - secondOnly - noneRight, paired: { n, firstOnly, secondOnly } };
}
