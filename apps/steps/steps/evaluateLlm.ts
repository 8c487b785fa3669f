import { retry } from "@mlops/mlflow";
import { formatJson, RefusedError, type ServedVersion, sumOf } from "@mlops/registry";
import { CachedJudge } from "../judge/cachedJudge.ts";
import { type AnsweredSample, evaluateAnswers } from "../judge/evaluate.ts";
import { Judge, judgeOf } from "../judge/judge.ts";
import { promptSha256 } from "../judge/prompt.ts";
import { concurrently } from "../lib/concurrently.ts";
import { marginFlags, withMargins } from "../lib/evaluationFlags.ts";
import { modelName, number, versionNumber } from "../lib/flags.ts";
import { complete } from "../lib/gateway.ts";
import { readSamples, type Sample, samplesFlags } from "../lib/samples.ts";
import { defineStep } from "../lib/step.ts";
import { referenceTo, subjectsOf, writtenReference } from "../lib/subjects.ts";

export const evaluateLlm = defineStep({
  name: "evaluate-llm",
  about:
    "Asks candidate and live the held-out questions through the gateway, and has a judge grade the answers.",
  flags: {
    model: modelName,
    version: versionNumber,
    ...samplesFlags,
    ...marginFlags,
    "maximum-tokens": number("longest answer, in tokens", 64, 1, 4096),
    concurrency: number("questions to the models at a time", 4, 1, 256),
    "judge-concurrency": number("gradings at a time", 8, 1, 256),
    "judge-patience": number("seconds that a judge that is away is waited for", 180, 0, 86_400),
  },
  outputs: { measurement: "answers and grades, for gate-evaluation" },
  run: async (context, { model, version, ...flags }, write) => {
    // Before anything is asked: without a judge the answers are of no use.
    const judge = new Judge(judgeOf(context.environment, flags["judge-patience"]));
    const { samples, dataset } = readSamples(context.files, flags);
    const { candidate, live } = await subjectsOf(context, model, version);
    const url = context.environment.required("MLOPS_GATEWAY_URL");
    const ask = async (sample: Sample, stable: string, expected: ServedVersion): Promise<string> => {
      const request = { model: stable, prompt: sample.prompt, maximumTokens: flags["maximum-tokens"] };
      const { text, servedName } = await retry(() => complete(url, request));
      if (servedName === expected.servedName) return text;
      throw new RefusedError(
        `${stable} was answered by ${servedName || "an unknown version"}, not by ${expected.servedName}: it was ` +
          "displaced or promoted meanwhile; evaluate again",
      );
    };
    const against = live === undefined ? "nothing is live" : `against ${live.servedName}`;
    context.log(`${samples.length} questions to ${candidate.servedName}, ${against}`);
    const answered = await concurrently(samples, flags.concurrency, async (sample) => {
      const askCandidate = (): Promise<string> => ask(sample, `${model}-candidate`, candidate);
      const askLive = async (): Promise<string | null> =>
        live === undefined ? null : ask(sample, `${model}-live`, live);
      // Now the one, now the other first: neither profits from what the server keeps of a prompt.
      if (Number.parseInt(sumOf(sample.id).slice(0, 2), 16) % 2 === 0) {
        const candidateAnswer = await askCandidate();
        return { ...sample, candidateAnswer, liveAnswer: await askLive() } satisfies AnsweredSample;
      }
      const liveAnswer = await askLive();
      return { ...sample, candidateAnswer: await askCandidate(), liveAnswer } satisfies AnsweredSample;
    });
    const cached = new CachedJudge(judge, context.registry);
    const graded = await evaluateAnswers(answered, {
      grade: (item, replicate) => cached.grade(item, replicate),
      concurrency: flags["judge-concurrency"],
      thresholds: withMargins(flags),
      log: context.log,
    });
    const { asked, cached: known } = cached.counts;
    context.log(`${asked} gradings by ${judge.model}, ${known} of them known from before`);
    const measurement = {
      schema: 1,
      data: dataset,
      judge: { model: judge.model, prompt_sha256: promptSha256 },
      candidate: writtenReference(await referenceTo(context, model, candidate)),
      live: live === undefined ? null : writtenReference(await referenceTo(context, model, live)),
      samples: graded,
    };
    write({ measurement: formatJson(measurement) });
  },
});
