import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CharacterInputs, randomCharacters } from "../../../tools/plugins/random/characters.ts";
import { draw, shuffled } from "../../../tools/plugins/random/randomness.ts";

const defaults: CharacterInputs = {
  keepers: undefined,
  length: 16,
  lower: true,
  minLower: 0,
  minNumeric: 0,
  minSpecial: 0,
  minUpper: 0,
  number: true,
  numeric: true,
  overrideSpecial: undefined,
  special: true,
  upper: true,
};

const minimum = fc.integer({ min: 0, max: 6 });
/** Inputs that pass the check: the length covers the minima, and some class is allowed. */
const validInputs: fc.Arbitrary<CharacterInputs> = fc
  .record({
    lower: fc.boolean(),
    minLower: minimum,
    minNumeric: minimum,
    minSpecial: minimum,
    minUpper: minimum,
    numeric: fc.boolean(),
    overrideSpecial: fc.option(fc.string({ unit: "grapheme", maxLength: 8 }), { nil: undefined }),
    special: fc.boolean(),
    upper: fc.boolean(),
    more: fc.integer({ min: 1, max: 60 }),
  })
  .filter(({ lower, numeric, special, upper }) => lower || numeric || special || upper)
  .map(({ more, ...inputs }) => {
    const length = inputs.minLower + inputs.minNumeric + inputs.minSpecial + inputs.minUpper + more;
    return { ...defaults, ...inputs, number: inputs.numeric, length };
  });

const specialOf = (inputs: CharacterInputs) => [...(inputs.overrideSpecial || "!@#$%&*()-_=+[]{}<>:?")];
const count = (text: string, accept: (character: string) => boolean) => [...text].filter(accept).length;
const isLower = (character: string) => /^[a-z]$/.test(character);
const isUpper = (character: string) => /^[A-Z]$/.test(character);
const isDigit = (character: string) => /^[0-9]$/.test(character);

describe("randomCharacters", () => {
  test("has the length, counted in characters", () => {
    fc.assert(fc.property(validInputs, (inputs) => [...randomCharacters(inputs)].length === inputs.length));
  });

  test("has at least the minimum of each class", () => {
    fc.assert(
      fc.property(validInputs, (inputs) => {
        const text = randomCharacters(inputs);
        const special = specialOf(inputs);
        expect(count(text, isLower)).toBeGreaterThanOrEqual(inputs.minLower);
        expect(count(text, isUpper)).toBeGreaterThanOrEqual(inputs.minUpper);
        expect(count(text, isDigit)).toBeGreaterThanOrEqual(inputs.minNumeric);
        expect(count(text, (character) => special.includes(character))).toBeGreaterThanOrEqual(
          inputs.minSpecial,
        );
      }),
    );
  });

  test("draws from a class only if it is allowed or has a minimum", () => {
    fc.assert(
      fc.property(validInputs, (inputs) => {
        const special = specialOf(inputs);
        const mayHave = (character: string) =>
          (isLower(character) && (inputs.lower || inputs.minLower > 0)) ||
          (isUpper(character) && (inputs.upper || inputs.minUpper > 0)) ||
          (isDigit(character) && (inputs.numeric || inputs.minNumeric > 0)) ||
          (special.includes(character) && (inputs.special || inputs.minSpecial > 0));
        expect(count(randomCharacters(inputs), mayHave)).toBe(inputs.length);
      }),
    );
  });

  test("a class that is switched off has exactly its minimum, as in the real plugin", () => {
    const inputs = { ...defaults, length: 40, upper: false, minUpper: 3 };
    expect(count(randomCharacters(inputs), isUpper)).toBe(3);
  });

  test("hardly repeats itself", () => {
    const texts = Array.from({ length: 1000 }, () => randomCharacters(defaults));
    expect(new Set(texts).size).toBe(texts.length);
  });
});

/**
 * Pearson's statistic of counts that should be alike. Under a fair source it exceeds the mean (degrees of freedom)
 * by ten of its standard deviations less than once in 10^12 runs.
 */
function isFair(counts: readonly number[]): boolean {
  const expected = counts.reduce((sum, one) => sum + one, 0) / counts.length;
  const statistic = counts.reduce((sum, one) => sum + (one - expected) ** 2 / expected, 0);
  const freedom = counts.length - 1;
  return statistic < freedom + 10 * Math.sqrt(2 * freedom) + 30;
}

describe("randomness", () => {
  test("each item is drawn as often as any other", () => {
    const counts = new Array<number>(62).fill(0);
    for (const item of draw([...counts.keys()], 62_000)) counts[item] = (counts[item] ?? 0) + 1;
    expect(isFair(counts)).toBe(true);
  });

  test("each item comes to each place as often as to any other", () => {
    const counts = new Array<number>(25).fill(0);
    for (let round = 0; round < 5_000; round++) {
      shuffled([0, 1, 2, 3, 4]).forEach((item, place) => {
        counts[item * 5 + place] = (counts[item * 5 + place] ?? 0) + 1;
      });
    }
    expect(isFair(counts)).toBe(true);
  });

  test("the fairness check can fail", () => {
    expect(isFair([1000, 1000, 1300, 1000])).toBe(false);
  });
});
