import { setTimeout as delay } from "node:timers/promises";
import {
  type CanaryMeasurement,
  type CanaryTraffic,
  canaryThresholds,
  type Decision,
  judgeCanary,
} from "@mlops/gates";
import { TransientError } from "@mlops/mlflow";
import { formatJson, RefusedError, type ServedVersion, setCanary } from "@mlops/registry";
import { awaitGateways } from "../lib/acknowledge.ts";
import type { StepContext } from "../lib/context.ts";
import { type Flag, modelName, number, versionNumber } from "../lib/flags.ts";
import { complete } from "../lib/gateway.ts";
import { latencyOf, readGateways, trafficBetween, type VersionTotals } from "../lib/gatewayMetrics.ts";
import { assertPassed, logReport } from "../lib/reports.ts";
import { isRefusal, readSamples, samplesFlags } from "../lib/samples.ts";
import { defineStep } from "../lib/step.ts";
import { referenceTo, subjectsOf } from "../lib/subjects.ts";

const INTERVAL_MS = 500;

const shares: Flag<readonly number[]> = {
  about: "shares of live's requests that the candidate gets, one stage each",
  fallback: { value: [0.1, 0.5], shown: "0.1,0.5" },
  parse: (value) => {
    const parsed = value.split(",").map(Number);
    const rising = parsed.every((share, index) => share > (parsed[index - 1] ?? 0) && share < 1);
    if (rising) return parsed;
    throw new Error("must be rising numbers between 0 and 1, separated by commas");
  },
};

export const canary = defineStep({
  name: "canary",
  about:
    "Gives the candidate growing shares of live's requests, and takes them back on errors, latency or refusals.",
  flags: {
    model: modelName,
    version: versionNumber,
    ...samplesFlags,
    shares,
    seconds: number("least duration of a stage", 30, 0, 86_400),
    timeout: number("seconds after which a stage that cannot decide ends the canary", 600, 1, 86_400),
    concurrency: number("questions of its own under way, beside what clients ask", 8, 1, 256),
    "maximum-tokens": number("longest answer to them, in tokens", 64, 1, 4096),
    "minimum-requests": number("fewest requests of a stage", canaryThresholds.minimumRequests, 1, 1_000_000),
    "maximum-requests": number(
      "requests of the candidate after which a stage that cannot decide ends the canary",
      canaryThresholds.maximumRequests,
      1,
      1_000_000,
    ),
    "maximum-errors": number("largest share of errors", canaryThresholds.maximumErrors, 0.0001, 1),
    "maximum-latency-ratio": number(
      "largest ratio of P95 of latency to that of live",
      canaryThresholds.maximumLatencyRatio,
      0.01,
      100,
    ),
    "maximum-refusal-gain": number(
      "largest share of refused answerable questions above that of live",
      canaryThresholds.maximumRefusalGain,
      0,
      1,
    ),
  },
  outputs: { verdict: "passed, failed or inconclusive", report: "the report, which MLflow gets too" },
  run: async (context, { model, version, ...flags }, write) => {
    const { samples, dataset } = readSamples(context.files, flags);
    const { candidate, live } = await subjectsOf(context, model, version, { canary: true });
    if (live === undefined) {
      context.log("nothing is live: there is no traffic to share");
      write({ verdict: "passed" });
      return;
    }
    const watch: Watch = {
      context,
      model,
      version,
      candidate,
      live,
      prompts: samples.filter(({ negative }) => !negative).map(({ prompt }) => prompt),
      thresholds: {
        ...canaryThresholds,
        maximumErrors: flags["maximum-errors"],
        maximumLatencyRatio: flags["maximum-latency-ratio"],
        maximumRefusalGain: flags["maximum-refusal-gain"],
        minimumRequests: flags["minimum-requests"],
        maximumRequests: flags["maximum-requests"],
      },
      ...flags,
    };
    const stages: { share: number; measurement: CanaryMeasurement; decision: Decision }[] = [];
    let passed = false;
    try {
      for (const share of flags.shares) {
        const found = await runStage(watch, share);
        stages.push({ share, ...found });
        const { verdict, checks } = found.decision;
        const shown = checks.map(({ name, because }) => `${name}: ${because}`).join("; ");
        context.log(`${share * 100} %: ${verdict}: ${shown}`);
        if (verdict !== "passed") break;
      }
      passed = stages.every(({ decision }) => decision.verdict === "passed");
    } finally {
      // Whatever went wrong, live gets its requests back first.
      if (!passed) await endCanary(context, model, candidate.servedName);
    }
    const last = stages.at(-1);
    if (last === undefined) return;
    const { report } = await logReport(
      context,
      {
        gate: "canary",
        model: await referenceTo(context, model, candidate),
        artifactSha256: candidate.artifact.sha256,
        against: live.version,
        dataset,
        at: new Date().toISOString(),
        measurement: { stages: stages.map(({ share, measurement }) => ({ share, ...measurement })) },
      },
      last.decision,
    );
    write({ verdict: report.verdict, report: formatJson(report) });
    assertPassed(report);
  },
});

/** Takes the candidate's share of live traffic away, if it has one, and waits for the gateways. */
export async function endCanary(context: StepContext, model: string, servedName: string): Promise<void> {
  const record = await context.change(model, (state) =>
    state?.candidate?.servedName === servedName ? setCanary(state, servedName, 0) : state,
  );
  if (record === undefined) return;
  context.log(`${servedName} gets no requests of live any more`);
  await awaitGateways(context, model, record.epoch, 60);
}

interface Watch {
  readonly context: StepContext;
  readonly model: string;
  readonly version: number;
  readonly candidate: ServedVersion;
  readonly live: ServedVersion;
  /** Answerable questions: an answer that refuses one is wrong. */
  readonly prompts: readonly string[];
  readonly thresholds: typeof canaryThresholds;
  readonly seconds: number;
  readonly timeout: number;
  readonly concurrency: number;
  readonly "maximum-tokens": number;
}

/** One share, until it is decided. */
async function runStage(
  watch: Watch,
  share: number,
): Promise<{ measurement: CanaryMeasurement; decision: Decision }> {
  const { context, model, version, candidate, live, thresholds, seconds, timeout } = watch;
  const record = await context.change(model, (state) => setCanary(state, candidate.servedName, share));
  await awaitGateways(context, model, record?.epoch ?? 0, 60);
  const gateways = context.replicas("MLOPS_GATEWAY_ADMIN_URLS");
  const before = await readGateways(await gateways());
  const asked = new Map<string, { questions: number; refusals: number }>();
  const ended = new AbortController();
  const askers = Array.from({ length: watch.concurrency }, (_, index) =>
    ask(watch, index, asked, ended.signal),
  );
  const start = performance.now();
  try {
    for (;;) {
      await delay(INTERVAL_MS);
      // Withdrawn, promoted by hand, or live was rolled back: then there is nothing more to watch.
      const { live: now } = await subjectsOf(context, model, version, { canary: true });
      if (now?.servedName !== live.servedName) {
        throw new RefusedError(
          `${candidate.servedName} was watched beside ${live.servedName}, but ${now?.servedName ?? "nothing"} is live ` +
            "now: run the gates again",
        );
      }
      const after = await readGateways(await gateways());
      const trafficOf = (one: ServedVersion): CanaryTraffic =>
        traffic(trafficBetween(before, after, one.servedName), asked.get(one.servedName));
      const measurement = { candidate: trafficOf(candidate), live: trafficOf(live) };
      const decision = judgeCanary(measurement, thresholds);
      const elapsed = (performance.now() - start) / 1000;
      const { verdict } = decision;
      if (verdict === "failed" || elapsed > timeout) return { measurement, decision };
      if (verdict === "passed" && elapsed >= seconds) return { measurement, decision };
      const exhausted = measurement.candidate.requests >= thresholds.maximumRequests;
      if (verdict === "inconclusive" && exhausted) return { measurement, decision };
    }
  } finally {
    ended.abort();
    await Promise.all(askers);
  }
}

function traffic(
  totals: VersionTotals,
  asked: { readonly questions: number; readonly refusals: number } | undefined,
): CanaryTraffic {
  const { requests, errors } = totals;
  return {
    requests,
    errors,
    latency: latencyOf(totals),
    questions: asked?.questions ?? 0,
    refusals: asked?.refusals ?? 0,
  };
}

/** Asks one question after the other under the stable name, as a client does, and counts who refused to answer. */
async function ask(
  { context, model, prompts, concurrency, "maximum-tokens": maximumTokens }: Watch,
  first: number,
  asked: Map<string, { questions: number; refusals: number }>,
  signal: AbortSignal,
): Promise<void> {
  const url = context.environment.required("MLOPS_GATEWAY_URL");
  for (let next = first; prompts.length > 0 && !signal.aborted; next += concurrency) {
    const prompt = prompts[next % prompts.length] ?? "";
    try {
      const { text, servedName } = await complete(url, { model, prompt, maximumTokens });
      const counts = asked.get(servedName) ?? { questions: 0, refusals: 0 };
      counts.questions++;
      if (isRefusal(text)) counts.refusals++;
      asked.set(servedName, counts);
    } catch (error) {
      // The gateways count it; a server that answers at once with errors is not asked without a pause.
      if (!(error instanceof TransientError))
        context.log(`a question was not answered: ${(error as Error).message}`);
      await delay(INTERVAL_MS);
    }
  }
}
