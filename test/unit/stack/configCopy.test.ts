import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeConfig } from "../../../tools/stack/configCopy.ts";

describe("mergeConfig", () => {
  it("takes over what changed in the tracked file", () => {
    expect(mergeConfig({ a: 1, b: 1 }, { a: 2, c: 3 }, { a: 1, b: 1 })).toEqual({ a: 2, c: 3 });
  });

  it("keeps what the user set or removed", () => {
    expect(mergeConfig({ a: 1 }, { a: 2 }, { a: 9, own: true })).toEqual({ a: 9, own: true });
    expect(mergeConfig({ a: 1 }, { a: 2 }, {})).toEqual({});
  });

  it("compares structured values by content", () => {
    expect(mergeConfig({ n: [{ x: 1 }] }, { n: [{ x: 2 }] }, { n: [{ x: 1 }] })).toEqual({ n: [{ x: 2 }] });
  });

  it("is the tracked file at first and changes nothing the second time", () => {
    const config = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.jsonValue());
    fc.assert(
      fc.property(config, config, config, (base, tracked, working) => {
        expect(mergeConfig({}, tracked, {})).toEqual(tracked);
        const once = mergeConfig(base, tracked, working);
        expect(mergeConfig(tracked, tracked, once)).toEqual(once);
      }),
    );
  });
});
