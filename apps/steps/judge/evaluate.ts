/** From answers to grades: the judge is measured first, then it grades the candidate. */
import {
  calibrateJudge,
  countGrades,
  type EvaluationThresholds,
  evaluationThresholds,
  type Grade,
  type GradedSample,
} from "@mlops/gates";
import { sumOf } from "@mlops/registry";
import { concurrently } from "../lib/concurrently.ts";
import { isRefusal, type Sample } from "../lib/samples.ts";
import type { Grading } from "./judge.ts";
import type { GradedItem } from "./prompt.ts";

/** A sample and what the models answered. */
export interface AnsweredSample extends Sample {
  readonly candidateAnswer: string;
  /** Null if nothing is live. */
  readonly liveAnswer: string | null;
}

/** A sample with grades, and the judge's reasons, for people. */
export interface EvaluatedSample extends GradedSample {
  readonly question: string;
  readonly reference: string;
  readonly candidate_answer: string;
  readonly live_answer: string | null;
  readonly candidate_reason: string;
  readonly live_reason: string;
}

export interface EvaluateOptions {
  readonly grade: (item: GradedItem, replicate: number) => Promise<Grading>;
  /** Gradings under way at a time. */
  readonly concurrency: number;
  readonly thresholds?: EvaluationThresholds;
  readonly log: (line: string) => void;
}

type Subject = "candidate" | "live";

interface Task {
  readonly index: number;
  readonly subject: Subject;
  /** 0, and 1 for the second, independent grading of the calibration. */
  readonly replicate: 0 | 1;
}

/**
 * Grades the answers: first those of live twice (the candidate's if nothing is live), and, unless that shows the judge
 * to be too noisy for any decision, the candidate's. Order within each round is shuffled by the samples' hash, so that
 * a judge that drifts does so for all alike. Once more grades are missing than the gate accepts, no more are asked for.
 */
export async function evaluateAnswers(
  samples: readonly AnsweredSample[],
  { grade, concurrency, thresholds = evaluationThresholds, log }: EvaluateOptions,
): Promise<EvaluatedSample[]> {
  const hasLive = samples.some(({ liveAnswer }) => liveAnswer !== null);
  const found = new Map<string, Grading>();
  const limit = Math.floor(thresholds.maximumUngraded * samples.length);
  let missing = 0;
  const run = async (tasks: readonly Task[]): Promise<void> => {
    let done = 0;
    await concurrently(shuffled(tasks, samples), concurrency, async (task) => {
      const sample = samples[task.index];
      if (sample === undefined || missing > limit) return;
      const grading = await grade(itemOf(sample, task.subject), task.replicate);
      if (grading.grade === null) missing++;
      found.set(nameOf(task), grading);
      if (++done % 200 === 0) log(`${done} of ${tasks.length} gradings`);
    });
  };
  const every = (subject: Subject, replicate: 0 | 1): Task[] =>
    samples.map((_, index) => ({ index, subject, replicate }));
  const calibrated: Subject = hasLive ? "live" : "candidate";
  const collect = (): EvaluatedSample[] =>
    samples.map((sample, index) => evaluated(sample, index, calibrated, found));

  log(`the judge grades the ${samples.length} answers of ${calibrated} twice`);
  await run([...every(calibrated, 0), ...every(calibrated, 1)]);
  const { check } = calibrateJudge(countGrades(collect(), hasLive).calibration, samples.length, thresholds);
  log(`judge: ${check.verdict}: ${check.because}`);
  if (hasLive && missing <= limit && check.verdict === "passed") {
    log("the judge grades the candidate's answers");
    await run(every("candidate", 0));
  }
  if (missing > limit)
    log(`more than ${limit} answers of the judge could not be read: it is not asked further`);
  return collect();
}

function itemOf(sample: AnsweredSample, subject: Subject): GradedItem {
  const answer = subject === "live" ? (sample.liveAnswer ?? "") : sample.candidateAnswer;
  const { context, question, answer: reference } = sample;
  return { context, question, reference, answer };
}

function evaluated(
  sample: AnsweredSample,
  index: number,
  calibrated: Subject,
  found: ReadonlyMap<string, Grading>,
): EvaluatedSample {
  const grading = (subject: Subject, replicate: 0 | 1): Grading | undefined =>
    found.get(nameOf({ index, subject, replicate }));
  const gradeOf = (subject: Subject, replicate: 0 | 1): Grade | null =>
    grading(subject, replicate)?.grade ?? null;
  return {
    id: sample.id,
    document: sample.document,
    negative: sample.negative,
    refused: isRefusal(sample.candidateAnswer),
    candidate: gradeOf("candidate", 0),
    live: gradeOf("live", 0),
    again: gradeOf(calibrated, 1),
    question: sample.question,
    reference: sample.answer,
    candidate_answer: sample.candidateAnswer,
    live_answer: sample.liveAnswer,
    candidate_reason: grading("candidate", 0)?.reason ?? "",
    live_reason: grading("live", 0)?.reason ?? "",
  };
}

function nameOf({ index, subject, replicate }: Task): string {
  return `${index} ${subject} ${replicate}`;
}

/** The same order for the same samples, and none that has to do with what they are. */
function shuffled(tasks: readonly Task[], samples: readonly AnsweredSample[]): Task[] {
  const key = (task: Task): string => sumOf(`${samples[task.index]?.id} ${task.subject} ${task.replicate}`);
  return tasks
    .map((task) => ({ task, key: key(task) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ task }) => task);
}
