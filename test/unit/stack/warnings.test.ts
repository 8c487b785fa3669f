import { describe, expect, it } from "vitest";
import { lastingWarnings } from "../../../tools/stack/warnings.ts";

const since = new Date("2026-11-21T10:00:00Z");
const at = (seconds: number): string => new Date(since.getTime() + seconds * 1000).toISOString();

function event(over: object): object {
  return {
    reason: "FailedCreate",
    message: "forbidden",
    involvedObject: { kind: "Job", namespace: "minio", name: "minio-post-job" },
    firstTimestamp: at(0),
    lastTimestamp: at(60),
    ...over,
  };
}

function warnings(...events: object[]): string[] {
  return lastingWarnings(JSON.stringify({ items: events }), since).map(
    (w) => `${w.object} ${w.reason} ${w.message}`,
  );
}

describe("lastingWarnings", () => {
  it("tells object, reason and message of what lasts", () => {
    expect(warnings(event({}))).toEqual(["minio: job/minio-post-job FailedCreate forbidden"]);
  });

  it("leaves out what came and went, and what is older than the update", () => {
    expect(warnings(event({ lastTimestamp: at(5) }))).toEqual([]);
    expect(warnings(event({ firstTimestamp: at(-600), lastTimestamp: at(-60) }))).toEqual([]);
    expect(warnings(event({ firstTimestamp: at(-600), lastTimestamp: at(5) }))).toEqual([]);
  });

  it("tells what is said once only, until something goes well with that object", () => {
    const once = { type: "Warning", reason: "FailedScheduling", lastTimestamp: at(0) };
    const look = (seconds: number, ...events: object[]): number =>
      lastingWarnings(JSON.stringify({ items: events }), since, new Date(at(seconds))).length;
    expect(look(25, event(once))).toBe(1);
    expect(look(15, event(once))).toBe(0);
    const scheduled = { type: "Normal", reason: "Scheduled", firstTimestamp: at(3), lastTimestamp: at(3) };
    expect(look(25, event(once), event(scheduled))).toBe(0);
  });

  it("joins the events of one object and reason and keeps the latest message", () => {
    expect(
      warnings(
        event({ lastTimestamp: at(1), message: "first" }),
        event({ firstTimestamp: at(30), lastTimestamp: at(30), message: "second" }),
      ),
    ).toEqual(["minio: job/minio-post-job FailedCreate second"]);
  });

  it("reads events of the newer kind, which have a series", () => {
    const series = { count: 9, lastObservedTime: at(90) };
    expect(
      warnings(event({ firstTimestamp: null, lastTimestamp: null, eventTime: at(0), series })),
    ).toHaveLength(1);
  });
});
