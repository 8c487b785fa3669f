/** What the gateway measures, by model and version. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { RecordCache } from "../shared/recordCache.ts";
import type { InFlight } from "./inFlight.ts";
import type { Replicas } from "./replicas.ts";

/**
 * Seconds: from a small model's answer to a long completion. Each is a quarter above the one before: a canary compares
 * quantiles of two versions with a limit of 1.5, which coarser buckets could neither reach nor keep.
 */
const buckets = Array.from({ length: 54 }, (_, index) => Number((0.001 * 1.25 ** index).toPrecision(3)));
const ofVersion = ["model", "version"] as const;

export interface Metrics {
  readonly registry: Registry;
  /** `code` is the status, or what ended the request without one: `client_gone`, `broken`. */
  readonly requests: Counter<"model" | "version" | "code">;
  readonly duration: Histogram<"model" | "version">;
  readonly firstByte: Histogram<"model" | "version">;
  /** `reason`: `lost` or `lacks`. */
  readonly retries: Counter<"model" | "version" | "reason">;
  /** Requests refused before they had a version, by code. */
  readonly refused: Counter<"code">;
}

/** What the gauges are read from when somebody asks. */
export interface MetricsSources {
  readonly records: RecordCache;
  readonly inFlight: InFlight;
  readonly replicas: Iterable<Replicas>;
}

export function createMetrics({ records, inFlight, replicas }: MetricsSources): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const name = (suffix: string): string => `mlops_gateway_${suffix}`;
  new Gauge({
    name: name("in_flight_requests"),
    help: "Requests under way",
    labelNames: ofVersion,
    registers,
    collect() {
      this.reset();
      for (const model of inFlight.models()) {
        for (const [version, count] of Object.entries(inFlight.of(model)))
          this.set({ model, version }, count);
      }
    },
  });
  new Gauge({
    name: name("record_epoch"),
    help: "Epoch of the record in force",
    labelNames: ["model"],
    registers,
    collect() {
      this.reset();
      for (const { model, epoch } of records.all()) this.set({ model }, epoch);
    },
  });
  new Gauge({
    name: name("records_age_seconds"),
    help: "Time since the records were last read whole; grows while the object store is down",
    registers,
    collect() {
      this.set((records.freshness().ageMs ?? Number.NaN) / 1000);
    },
  });
  new Gauge({
    name: name("ready_replicas"),
    help: "Replicas that answer for a version that a record names",
    labelNames: ofVersion,
    registers,
    collect() {
      this.reset();
      for (const { model, live, previous, candidate } of records.all()) {
        for (const version of [live, previous, candidate]) {
          if (version === undefined) continue;
          const counts = [...replicas].map((some) => some.readyCount(version.servedName));
          this.set({ model, version: version.servedName }, Math.max(0, ...counts));
        }
      }
    },
  });
  const histogram = (suffix: string, help: string): Histogram<"model" | "version"> =>
    new Histogram({ name: name(suffix), help, labelNames: ofVersion, buckets, registers });
  return {
    registry,
    requests: new Counter({
      name: name("requests_total"),
      help: "Requests that were resolved to a version, by how they ended",
      labelNames: [...ofVersion, "code"],
      registers,
    }),
    duration: histogram("request_duration_seconds", "Time from resolution to the answer's last byte"),
    firstByte: histogram("first_byte_seconds", "Time from resolution to the answer's first byte"),
    retries: new Counter({
      name: name("retries_total"),
      help: "Attempts after which another replica was asked",
      labelNames: [...ofVersion, "reason"],
      registers,
    }),
    refused: new Counter({
      name: name("refused_total"),
      help: "Requests without a version",
      labelNames: ["code"],
      registers,
    }),
  };
}
