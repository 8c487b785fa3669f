import { evaluationThresholds, type Grade, type Random } from "@mlops/gates";
import { type JudgedScenario, simulateJudge, type TruePair } from "./judges.ts";
import { percent, rates, table } from "./tables.ts";

/** 1,200 samples, of which one in five has no answer, in documents that go their own way on one in five. */
const evaluation: Omit<JudgedScenario, "pairs" | "flips"> = {
  documents: 300,
  samplesPerDocument: 4,
  clustering: 0.2,
  negatives: 240,
  refusal: 0.97,
};

/** Of live: rates of a useful model. */
const live: Readonly<Record<Grade, number>> = { A: 0.88, B: 0.08, C: 0.04 };

/** Live's answers, of which the candidate gives some shares another grade: `[from, to, share]`. */
function changed(...changes: readonly (readonly [Grade, Grade, number])[]): TruePair[] {
  const same = (grade: Grade): number =>
    changes.reduce((left, [from, , share]) => left - (from === grade ? share : 0), live[grade]);
  return [
    ...(["A", "B", "C"] as const).map((grade) => ({
      candidate: grade,
      live: grade,
      probability: same(grade),
    })),
    ...changes.map(([from, to, share]) => ({ candidate: to, live: from, probability: share })),
  ];
}

const candidates = {
  "identical: the same grades": changed(),
  "as good, 8 % of the grades differ": changed(["A", "B", 0.04], ["B", "A", 0.04]),
  "A 4 points lower, by B: the margin": changed(["A", "B", 0.04]),
  "A 5 points lower, by B": changed(["A", "B", 0.05]),
  "C 5 points higher, from B": changed(["B", "C", 0.05]),
} as const;

/** Flips by which candidates. */
const rows: readonly (readonly [number, readonly (keyof typeof candidates)[]])[] = [
  [0.05, Object.keys(candidates) as (keyof typeof candidates)[]],
  [0.15, Object.keys(candidates) as (keyof typeof candidates)[]],
  [0.27, ["identical: the same grades", "A 5 points lower, by B"]],
  [0.43, ["identical: the same grades"]],
];

/** The evaluation gate's table. */
export function judgeErrorRates(trials: number, random: Random): string[] {
  const scenarios = rows.flatMap(([flips, names]) => names.map((name) => ({ flips, name })));
  return table(["flips", "candidate"], scenarios, ({ flips, name }) => [
    percent(flips),
    name,
    rates(
      simulateJudge({ ...evaluation, flips, pairs: candidates[name] }, trials, evaluationThresholds, random),
    ),
  ]);
}
