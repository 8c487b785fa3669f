import { judgeSmoke, type ProbeAnswer, type ReplicaProbes, smokeThresholds } from "@mlops/gates";
import { formatJson, RefusedError } from "@mlops/registry";
import { claimedVersion, completeManifest } from "../lib/deployments.ts";
import { InputError } from "../lib/errors.ts";
import { modelName, number, versionNumber } from "../lib/flags.ts";
import { assertPassed, logReport, recordFinding } from "../lib/reports.ts";
import { readSamples, samplesFlags } from "../lib/samples.ts";
import { defineStep } from "../lib/step.ts";
import { referenceTo, subjectsOf } from "../lib/subjects.ts";
import { heldModels, probe } from "../lib/vllm.ts";

export const smoke = defineStep({
  name: "smoke",
  about:
    "Identity canary: does every replica answer with the candidate, and not with its base model or what is live?",
  flags: {
    model: modelName,
    version: versionNumber,
    ...samplesFlags,
    probes: number("how many samples are asked", 16, 1, 1000),
    "maximum-tokens": number("longest answer, in tokens", 24, 1, 4096),
    agreement: number("largest distance of two replicas' answers, in nats", smokeThresholds.agreement, 0, 10),
    difference: number(
      "least distance from another model's answers, in nats",
      smokeThresholds.difference,
      0,
      10,
    ),
  },
  outputs: { verdict: "passed, failed or inconclusive", report: "the report, which MLflow gets too" },
  run: async (context, { model, version, ...flags }, write) => {
    const { samples, dataset } = readSamples(context.files, flags);
    const prompts = samples.slice(0, flags.probes).map(({ prompt }) => prompt);
    const deployment = await claimedVersion(context, model, version);
    const { sha256 } = await completeManifest(context, deployment);
    const { candidate, live } = await subjectsOf(context, model, version);
    const base = candidate.base && `${candidate.base.model}@${candidate.base.revision}`;
    if (base === undefined)
      throw new InputError(`${candidate.servedName} has no base model: it is no adapter`);
    const urls = await context.replicas("MLOPS_VLLM_URLS")();
    if (urls.length === 0) throw new Error("no replica of vLLM is running");
    const askReplica = async (replica: string): Promise<ReplicaProbes> => {
      const held = await heldModels(replica);
      if (held.base !== base) {
        throw new RefusedError(
          `${candidate.servedName} was trained on ${base}, but ${replica} serves ${held.base ?? "no base model"}`,
        );
      }
      const answers = async (name: string): Promise<ProbeAnswer[]> => {
        const found: ProbeAnswer[] = [];
        // One at a time: what else is in a batch moves the last digits.
        for (const prompt of prompts) {
          found.push(await probe(replica, name, prompt, flags["maximum-tokens"]));
        }
        return found;
      };
      const probes = {
        replica,
        candidate: await answers(candidate.servedName),
        base: await answers(base),
        ...(live === undefined ? {} : { live: await answers(live.servedName) }),
        again: await answers(candidate.servedName),
      };
      context.log(`${replica} has answered ${prompts.length} probes`);
      return probes;
    };
    const replicas = await Promise.all(urls.map(askReplica));
    const { agreement, difference } = flags;
    const decision = judgeSmoke(replicas, { ...smokeThresholds, agreement, difference });
    const stored = await logReport(
      context,
      {
        gate: "smoke",
        model: await referenceTo(context, model, candidate),
        artifactSha256: sha256,
        ...(live === undefined ? {} : { against: live.version }),
        dataset,
        at: new Date().toISOString(),
        measurement: { base, replicas },
      },
      decision,
    );
    write({ verdict: stored.report.verdict, report: formatJson(stored.report) });
    await recordFinding(context, model, stored, sha256);
    assertPassed(stored.report);
  },
});
