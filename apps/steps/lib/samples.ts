/** Held-out questions about documents, as `llm.evaluation_samples` writes them. */
import type { DatasetReference } from "@mlops/gates";
import { sumOf } from "@mlops/registry";
import { z } from "zod";
import { InputError } from "./errors.ts";
import type { StepFiles } from "./files.ts";
import { text } from "./flags.ts";
import { jsonOf } from "./json.ts";

const sample = z.object({
  id: z.string().min(1),
  document: z.string().min(1),
  context: z.string().min(1),
  question: z.string().min(1),
  /** The reference. */
  answer: z.string().min(1),
  /** The context does not hold the answer: to refuse is right. */
  negative: z.boolean(),
  /** What the model is asked, whole. */
  prompt: z.string().min(1),
});
export type Sample = z.infer<typeof sample>;

/** What a model says that does not know; a refusal begins with it. */
export const refusal = "The documentation does not say.";

export function isRefusal(answer: string): boolean {
  return answer.trim().toLowerCase().startsWith(refusal.toLowerCase());
}

export interface Samples {
  readonly samples: readonly Sample[];
  /** The hash is that of the samples, which are a part of the data set. */
  readonly dataset: DatasetReference;
}

/** Flags of a step that reads samples. */
export const samplesFlags = {
  samples: text("file that `llm.evaluation_samples` wrote"),
  dataset: { ...text("data set of the samples"), fallback: { value: "docs-qa", shown: "docs-qa" } },
  "dataset-version": { ...text("its version"), fallback: { value: "v1", shown: "v1" } },
} as const;

/**
 * Reads samples: one JSON object a line.
 *
 * @throws InputError naming the lines that are none, ids that are there twice, or that there are none at all.
 */
export function readSamples(
  files: StepFiles,
  flags: { readonly samples: string; readonly dataset: string; readonly "dataset-version": string },
): Samples {
  const content = files.readText(flags.samples);
  const lines = content.split("\n").filter((line) => line.trim() !== "");
  const problems: string[] = [];
  const samples = lines.flatMap((line, index) => {
    const parsed = sample.safeParse(jsonOf(line));
    if (!parsed.success) problems.push(`line ${index + 1}: ${z.prettifyError(parsed.error)}`);
    return parsed.success ? [parsed.data] : [];
  });
  const ids = samples.map(({ id }) => id);
  const twice = [...new Set(ids.filter((id, index) => ids.indexOf(id) !== index))];
  if (twice.length > 0) problems.push(`ids that are there twice: ${twice.slice(0, 5).join(", ")}`);
  if (lines.length === 0) problems.push("it holds no samples");
  if (problems.length > 0) {
    const more = problems.length > 5 ? [`and ${problems.length - 5} more`] : [];
    throw new InputError(`${flags.samples} cannot be used: ${[...problems.slice(0, 5), ...more].join("; ")}`);
  }
  const { dataset: name, "dataset-version": version } = flags;
  return { samples, dataset: { name, version, split: "test", sha256: sumOf(content) } };
}
