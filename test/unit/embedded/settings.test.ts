import { describe, expect, it } from "vitest";
import { podStartDelayOf } from "../../../tools/embedded/settings.ts";

describe("podStartDelayOf", () => {
  it("takes seconds, fractions too, and says nothing of what was not given", () => {
    expect(podStartDelayOf(undefined, "POD_START_DELAY")).toBeUndefined();
    expect(podStartDelayOf("0", "POD_START_DELAY")).toBe(0);
    expect(podStartDelayOf("1.5", "POD_START_DELAY")).toBe(1.5);
  });

  it.each(["abc", "", " ", "-1", "1h", "3601", "NaN"])("refuses %j, naming where it comes from", (text) => {
    expect(() => podStartDelayOf(text, "POD_START_DELAY")).toThrow(
      `POD_START_DELAY ${text}: must be a number of seconds from 0 to 3600`,
    );
  });
});
