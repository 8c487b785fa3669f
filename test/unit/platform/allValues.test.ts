import { describe, expect, it } from "vitest";
import { charts } from "../../../charts.ts";
import { systems } from "../../../components/platform/systems.ts";
import { contexts, keys, leaves, maps } from "./contexts.ts";

const selected = (chart: string, name: string): boolean =>
  !(chart === "minio" && name.startsWith("cloud")) &&
  !(chart === "fake-gpu-operator" && !name.startsWith("k3d"));

const cases = Object.entries(contexts).flatMap(([name, context]) =>
  Object.values(systems)
    .filter((system) => selected(system.chart, name))
    .map((system) => ({ name: `${system.chart} on ${name}`, values: system.values(context) })),
);

const units: Readonly<Record<string, number>> = { m: 1e-3, Mi: 2 ** 20, Gi: 2 ** 30 };

function amount(quantity: unknown): number {
  const match = /^(\d+)(m|Mi|Gi)?$/.exec(String(quantity));
  if (match === null) throw new Error(`not a quantity: ${String(quantity)}`);
  return Number(match[1]) * (match[2] === undefined ? 1 : (units[match[2]] ?? Number.NaN));
}

describe.each(cases)("$name", ({ values }) => {
  it("holds no credential", () => {
    const text = JSON.stringify(values);
    expect(text).not.toContain(keys.accessKeyId);
    expect(text).not.toContain(keys.secretAccessKey);
  });

  it("gives names and keys of Secrets under secret-looking keys, never contents", () => {
    const named = /^(object-store|minio-root|grafana-admin|mlflow-database|hub|vllm-admin)$/;
    const keyOrUser = /^((AWS|MLOPS)_[A-Z_]+|admin-(user|password)|username|password|token)$/;
    const suspicious = leaves(values).filter(
      ([path, value]) =>
        typeof value === "string" &&
        path.some((part) => /password|secret|token|credential|accesskey/i.test(part)) &&
        !named.test(value) &&
        !keyOrUser.test(value),
    );
    expect(suspicious).toEqual([]);
  });

  it("asks for no more than it limits, wherever it asks for resources", () => {
    const found = maps(values).filter(([, map]) => "requests" in map && "limits" in map);
    for (const [, map] of found) {
      const requests = map.requests as Record<string, string>;
      const limits = map.limits as Record<string, string>;
      for (const resource of ["cpu", "memory"]) {
        expect(amount(requests[resource])).toBeGreaterThan(0);
        expect(amount(limits[resource])).toBeGreaterThanOrEqual(amount(requests[resource]));
      }
    }
  });

  it("names no floating image tag", () => {
    const tags = leaves(values).filter(([path]) => path.at(-1) === "tag");
    for (const [, tag] of tags) expect(tag).toMatch(/^(v?\d+\.\d+|RELEASE\.\d{4}-)/);
  });
});

describe("systems", () => {
  it("has every chart of the platform under its own name", () => {
    for (const [name, system] of Object.entries(systems)) expect(system.chart).toBe(name);
  });

  it("gives each service a name of its own, in its chart's namespace", () => {
    const services = Object.values(systems).flatMap((system) =>
      (system.services ?? []).map((service) => ({ ...service, home: charts[system.chart].namespace })),
    );
    expect(new Set(services.map((service) => service.name)).size).toBe(services.length);
    for (const service of services) expect(service.namespace).toBe(service.home);
  });
});
