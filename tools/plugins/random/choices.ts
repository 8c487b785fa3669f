import type { CheckFailure } from "@pulumi/pulumi/provider/provider.js";
import type { PropertySpecs } from "../lib/schema.ts";
import { maxRange, shuffled, uniform } from "./randomness.ts";
import { keepers, type RandomResource } from "./resource.ts";

/** A seed means the sequence of Go's math/rand, which only the real plugin has. */
function refuseSeed(seed: string | undefined): CheckFailure[] {
  return seed === undefined ? [] : [{ property: "seed", reason: "is not supported by this stand-in" }];
}

const integerInputs = {
  ...keepers,
  max: { type: "integer", required: true },
  min: { type: "integer", required: true },
  seed: { type: "string" },
} as const satisfies PropertySpecs;

/** A random whole number from `min` to `max`, both included. */
export const randomInteger: RandomResource<typeof integerInputs> = {
  inputs: integerInputs,
  outputs: { result: { type: "integer" } },
  storesId: true,
  validate({ min, max, seed }) {
    const failures = refuseSeed(seed);
    if (max < min) failures.push({ property: "max", reason: `must be at least min, ${min}, is ${max}` });
    if (max - min >= maxRange)
      failures.push({ property: "max", reason: "is too far from min, limit is 2^48" });
    return failures;
  },
  make({ min, max }) {
    const result = min + uniform(max - min + 1);
    return { id: String(result), outputs: { result } };
  },
};

const shuffleInputs = {
  inputs: { type: "strings", required: true },
  ...keepers,
  resultCount: { type: "integer" },
  seed: { type: "string" },
} as const satisfies PropertySpecs;

/** The strings in random order: `resultCount` of them, again and again if that is more than there are. */
export const randomShuffle: RandomResource<typeof shuffleInputs> = {
  inputs: shuffleInputs,
  outputs: { results: { type: "strings" } },
  storesId: true,
  validate({ resultCount = 0, seed }) {
    const failures = refuseSeed(seed);
    if (resultCount < 0) failures.push({ property: "resultCount", reason: "must not be negative" });
    return failures;
  },
  make({ inputs, resultCount = inputs.length }) {
    const rounds = inputs.length === 0 ? 0 : Math.ceil(resultCount / inputs.length);
    const results = Array.from({ length: rounds }, () => shuffled(inputs)).flat();
    return { id: "-", outputs: { results: results.slice(0, resultCount) } };
  },
};
