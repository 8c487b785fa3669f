import type { CheckFailure } from "@pulumi/pulumi/provider/provider.js";
import type { PropertySpecs, Values } from "../lib/schema.ts";
import type { PropertyMap } from "../lib/values.ts";
import { draw, shuffled } from "./randomness.ts";
import { keepers } from "./resource.ts";

/** The inputs of RandomString and RandomPassword. */
export const characterInputs = {
  ...keepers,
  length: { type: "integer", required: true },
  lower: { type: "boolean", default: true },
  minLower: { type: "integer", default: 0 },
  minNumeric: { type: "integer", default: 0 },
  minSpecial: { type: "integer", default: 0 },
  minUpper: { type: "integer", default: 0 },
  number: { type: "boolean", default: true },
  numeric: { type: "boolean", default: true },
  overrideSpecial: { type: "string" },
  special: { type: "boolean", default: true },
  upper: { type: "boolean", default: true },
} as const satisfies PropertySpecs;

export type CharacterInputs = Values<typeof characterInputs>;

const minima = ["minLower", "minUpper", "minNumeric", "minSpecial"] as const;

/** `number` is the deprecated name of `numeric`: whichever is given stands for both. */
export function withNumericSynonym(given: PropertyMap): PropertyMap {
  const { number, numeric } = given;
  const either = numeric ?? number;
  return either === undefined ? given : { ...given, number: number ?? either, numeric: either };
}

export function validateCharacters(inputs: CharacterInputs): CheckFailure[] {
  const failures: CheckFailure[] = [];
  const fail = (property: string, reason: string) => failures.push({ property, reason });

  if (inputs.length < 1) fail("length", `must be at least 1, is ${inputs.length}`);
  for (const name of minima) {
    if (inputs[name] < 0) fail(name, `must not be negative, is ${inputs[name]}`);
  }
  const sum = minima.reduce((total, name) => total + inputs[name], 0);
  if (inputs.length < sum) fail("length", `must be at least the sum of ${minima.join(", ")}: ${sum}`);
  if (inputs.number !== inputs.numeric) {
    fail("number", "differs from numeric, whose deprecated name it is; set only numeric");
  }
  if (!(inputs.lower || inputs.upper || inputs.numeric || inputs.special)) {
    fail("lower", "is false like upper, numeric and special; at least one must be true");
  }
  return failures;
}

/**
 * A random string with at least the asked number of characters of each class, the rest from all allowed
 * classes, in random order. As in the real plugin a minimum counts for a class that is switched off, too.
 * Source: terraform-provider-random, internal/random/string.go.
 */
export function randomCharacters(inputs: CharacterInputs): string {
  const classes = [
    { allowed: inputs.lower, minimum: inputs.minLower, characters: "abcdefghijklmnopqrstuvwxyz" },
    { allowed: inputs.upper, minimum: inputs.minUpper, characters: "ABCDEFGHIJKLMNOPQRSTUVWXYZ" },
    { allowed: inputs.numeric, minimum: inputs.minNumeric, characters: "0123456789" },
    {
      allowed: inputs.special,
      minimum: inputs.minSpecial,
      characters: inputs.overrideSpecial || "!@#$%&*()-_=+[]{}<>:?",
    },
  ].map((group) => ({ ...group, characters: [...group.characters] }));

  const required = classes.flatMap(({ minimum, characters }) => draw(characters, minimum));
  const allowed = classes.flatMap((group) => (group.allowed ? group.characters : []));
  return shuffled([...required, ...draw(allowed, inputs.length - required.length)]).join("");
}
