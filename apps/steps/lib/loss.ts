import type { Run } from "@mlops/mlflow";
import type { Source } from "@mlops/registry";
import { z } from "zod";
import { type BaseModel, baseModel } from "./adapter.ts";
import type { StepContext } from "./context.ts";
import { InputError } from "./errors.ts";
import { readReport, type StoredReport } from "./reports.ts";

const measured = z.object({ base: baseModel });

/** What gate `loss` found about an adapter, and the base model that it was measured on. */
export async function lossMeasured(
  context: StepContext,
  run: Run,
  source: Pick<Source, "registeredModel" | "registeredVersion">,
): Promise<StoredReport & { readonly base: BaseModel }> {
  const stored = await readReport(context, run, "loss", source);
  const found = measured.safeParse(stored.report.measurement);
  if (found.success) return { ...stored, base: found.data.base };
  throw new InputError(
    `gates/loss.json of run ${run.runId} does not say on which base model it was measured; run gate-loss again`,
  );
}
