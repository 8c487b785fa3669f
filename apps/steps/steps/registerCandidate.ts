import { approve, type Intent } from "@mlops/registry";
import { type BaseModel, readAdapter } from "../lib/adapter.ts";
import type { StepContext } from "../lib/context.ts";
import { showAliases } from "../lib/deployments.ts";
import { InputError } from "../lib/errors.ts";
import { modelName, number, text } from "../lib/flags.ts";
import { lossMeasured } from "../lib/loss.ts";
import { evidenceFrom, runOf } from "../lib/reports.ts";
import { defineStep } from "../lib/step.ts";

export const registerCandidate = defineStep({
  name: "register-candidate",
  about: "Chooses an adapter that has passed gate loss for deployment: candidate.",
  flags: {
    model: modelName,
    "registered-model": text("registered model in MLflow"),
    "registered-version": text("its version"),
    "maximum-rank": number("largest rank that the servers load", 16, 1, 512),
  },
  outputs: {},
  run: async (context, { model, ...registered }) => {
    const registeredModel = registered["registered-model"];
    const registeredVersion = registered["registered-version"];
    const name = { registeredModel, registeredVersion };
    const run = await runOf(context, name);
    const { base, ...loss } = await lossMeasured(context, run, name);
    const adapter = await readAdapter(context, run);
    const problems = [
      ...(loss.report.artifactSha256 === adapter.sha256
        ? []
        : [
            `gate loss judged weights with SHA-256 ${loss.report.artifactSha256}, the run has ${adapter.sha256}: run ` +
              "llm.measure_loss and gate-loss again",
          ]),
      ...(adapter.rank <= registered["maximum-rank"]
        ? []
        : [`its rank is ${adapter.rank}, the servers load at most ${registered["maximum-rank"]}`]),
      ...otherBase(context, base),
    ];
    if (problems.length > 0) {
      throw new InputError(
        `version ${registeredVersion} of ${registeredModel} cannot be served: ${problems.join("; ")}`,
      );
    }
    const intent: Intent = {
      source: { runId: run.runId, ...name },
      sha256: adapter.sha256,
      evidence: [evidenceFrom(loss, adapter.sha256)],
    };
    await context.change(model, (state) => approve(state, { name: model, server: "vllm" }, intent));
    context.log(`version ${registeredVersion} of ${registeredModel} is chosen for deployment as ${model}`);
    await showAliases(context, model);
  },
});

/** An adapter answers nonsense on another base than its own. An empty revision is whatever the bucket holds. */
function otherBase({ environment }: StepContext, base: BaseModel): string[] {
  const name = environment.optional("MLOPS_LLM_BASE_MODEL");
  const revision = environment.optional("MLOPS_LLM_BASE_REVISION");
  const same = (name ?? base.name) === base.name && (revision ?? base.revision) === base.revision;
  if (same) return [];
  const served = `${name ?? "any"}@${revision ?? "any"}`;
  return [`it was trained on ${base.name}@${base.revision}, the servers hold ${served}`];
}
