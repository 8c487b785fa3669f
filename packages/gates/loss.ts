import { type ClusterTotal, clusteredRatioBootstrap } from "./bootstrap.ts";
import type { LossMeasurement, LossSample } from "./languageMeasurements.ts";
import { type Check, type Decision, overall, verdictAgainst } from "./verdict.ts";

export interface LossThresholds {
  /** Largest token-weighted loss of held-out completions, in nats a token. */
  readonly maximumLoss: number;
  /** The adapter must be better than its base model by more than this, in nats a token. */
  readonly minimumGain: number;
  /** One-sided confidence of each bound of the gain. */
  readonly confidence: number;
  /** Fewest documents from which a spread is believed. */
  readonly minimumDocuments: number;
}

export const lossThresholds: LossThresholds = {
  // Perplexity 2.
  maximumLoss: Math.LN2,
  minimumGain: 0,
  confidence: 0.95,
  minimumDocuments: 30,
};

/**
 * Has the adapter learnt its task, and is it the adapter that has? A loss that is not finite fails. Perplexity is
 * reported and not checked: it is the exponential of the loss.
 */
export function judgeLoss(
  { samples }: Pick<LossMeasurement, "samples">,
  thresholds: LossThresholds = lossThresholds,
): Decision {
  const { maximumLoss, minimumGain, confidence, minimumDocuments } = thresholds;
  const tokens = samples.reduce((sum, sample) => sum + sample.tokens, 0);
  const loss = (of: "candidate" | "base"): number =>
    samples.reduce((sum, sample) => sum + (sample[of] ?? Number.NaN), 0) / tokens;
  const [candidate, base] = [loss("candidate"), loss("base")];
  const documents = gainsByDocument(samples);
  const finite = Number.isFinite(candidate) && Number.isFinite(base);
  const gain =
    finite && documents.length >= Math.max(2, minimumDocuments)
      ? clusteredRatioBootstrap(documents, { confidence })
      : undefined;
  const checks: Check[] = [
    {
      name: "loss",
      verdict: candidate <= maximumLoss ? "passed" : "failed",
      because: Number.isFinite(candidate)
        ? `${nats(candidate)} nats a token (perplexity ${Math.exp(candidate).toFixed(3)}) over ${tokens} tokens of ${samples.length} completions, at most ${nats(maximumLoss)} wanted`
        : "the loss of a completion is not finite",
    },
    {
      name: "gain over the base model",
      verdict: gain !== undefined ? verdictAgainst(gain, minimumGain) : finite ? "inconclusive" : "failed",
      because:
        gain !== undefined
          ? `${nats(gain.estimate)} nats a token (${nats(gain.lower)} to ${nats(gain.upper)}) over ${documents.length} documents, more than ${nats(minimumGain)} wanted`
          : finite
            ? `${documents.length} documents do not show their spread, at least ${minimumDocuments} wanted`
            : "the loss of a completion is not finite",
    },
  ];
  return {
    verdict: overall(checks),
    checks,
    numbers: {
      samples: samples.length,
      tokens,
      documents: documents.length,
      loss: finiteOrNull(candidate),
      perplexity: finiteOrNull(Math.exp(candidate)),
      baseLoss: finiteOrNull(base),
      gain: finiteOrNull(base - candidate),
      gainLower: gain?.lower ?? null,
      gainUpper: gain?.upper ?? null,
    },
    thresholds: { ...thresholds },
  };
}

/** What the adapter saves on each document's completions, and their tokens. */
function gainsByDocument(samples: readonly LossSample[]): ClusterTotal[] {
  const documents = new Map<string, ClusterTotal>();
  for (const { document, tokens, candidate, base } of samples) {
    const { sum, weight } = documents.get(document) ?? { sum: 0, weight: 0 };
    const saved = (base ?? Number.NaN) - (candidate ?? Number.NaN);
    documents.set(document, { sum: sum + saved, weight: weight + tokens });
  }
  return [...documents.values()];
}

function nats(loss: number): string {
  return loss.toFixed(4);
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
