import { z } from "zod";
import { isEmpty, textAt, valueAt } from "../json.ts";
import { deferral, defineRule } from "../rule.ts";
import { isRunTimeValue } from "../runTimeValues.ts";
import type { Rule } from "../types.ts";

/** A chart in a folder or an archive: its version stands in its own Chart.yaml, and it comes from no repository. */
function isLocal(chart: string): boolean {
  return /^[./]|^[^:]*\.tgz$/.test(chart);
}

const EXACT = /^v?\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$/;

const version = defineRule({
  name: "release-version",
  description: "A Helm release names its chart's exact version.",
  level: "mandatory",
  target: "release",
  check: (inputs) => {
    const stated = valueAt(inputs, "version");
    if (isLocal(textAt(inputs, "chart") ?? "") && isEmpty(stated)) return [];
    if (isRunTimeValue(stated)) return [deferral(["version"], "the chart's version")];
    if (typeof stated === "string" && EXACT.test(stated)) return [];
    const message = isEmpty(stated)
      ? "the release takes whatever chart version is newest"
      : `chart version ${JSON.stringify(stated)} is a range or no version`;
    return [{ path: ["version"], message, fix: "set version to an exact one, such as 1.2.3" }];
  },
});

const repository = defineRule({
  name: "release-repository",
  description: "A chart comes from a known repository.",
  level: "mandatory",
  target: "release",
  check: (inputs, { chartRepositories }) => {
    const chart = valueAt(inputs, "chart");
    const url = valueAt(inputs, "repositoryOpts", "repo");
    if (isRunTimeValue(chart) || isRunTimeValue(url))
      return [deferral(["chart"], "where the chart comes from")];
    if (typeof chart === "string" && isLocal(chart)) return [];
    // Of a chart that is an OCI reference itself, the provider leaves the repository aside.
    const isReference = typeof chart === "string" && chart.trimStart().startsWith("oci://");
    const source = typeof url === "string" && url !== "" && !isReference ? url : chart;
    const path = source === chart ? ["chart"] : ["repositoryOpts", "repo"];
    if (typeof source === "string" && chartRepositories.some((known) => liesUnder(source, known))) return [];
    const message = `the chart comes from ${JSON.stringify(source)}, which is no known repository`;
    return [{ path, message, fix: "take the chart from a known repository, or add this one to the list" }];
  },
});

function liesUnder(source: string, known: string): boolean {
  // A step up leaves the repository although the address begins like it.
  if (/(?:\/|%2f)(?:\.|%2e){2}(?:\/|%2f|$)/i.test(source)) return false;
  const [place, base] = [source, known].map((url) => url.replace(/\/+$/, ""));
  return place === base || place?.startsWith(`${base}/`) === true;
}

const namespace = defineRule({
  name: "release-namespace",
  description: "A Helm release says which namespace it goes to, and it is not default.",
  level: "mandatory",
  target: "release",
  check: (inputs) => {
    const stated = valueAt(inputs, "namespace");
    if (typeof stated === "string" && stated !== "" && stated !== "default") return [];
    const message = isEmpty(stated)
      ? "the release names no namespace"
      : `${JSON.stringify(stated)} is no namespace for a release`;
    return [{ path: ["namespace"], message, fix: "set namespace to one made for it" }];
  },
});

const timeout = defineRule({
  name: "release-timeout",
  description: "A Helm release says how many seconds it may take.",
  level: "remediate",
  target: "release",
  knobs: z.object({
    seconds: z.int().min(1).default(600).describe("Timeout that a release without one is given"),
    maximumSeconds: z.int().min(1).default(3600).describe("Longest timeout"),
  }),
  check: (inputs, _context, { maximumSeconds }) => {
    const stated = valueAt(inputs, "timeout");
    if (isRunTimeValue(stated)) return [];
    if (typeof stated === "number" && stated > 0 && stated <= maximumSeconds) return [];
    const message = isUnset(stated)
      ? "the release has no timeout"
      : `timeout ${JSON.stringify(stated)} is not between 1 and ${maximumSeconds} seconds`;
    return [{ path: ["timeout"], message, fix: "set timeout in seconds" }];
  },
  remediate: (inputs, _context, { seconds }) =>
    isUnset(valueAt(inputs, "timeout")) ? [{ path: ["timeout"], value: seconds }] : [],
});

/** The provider writes 0 for a timeout that nobody stated. */
function isUnset(timeout: unknown): boolean {
  return isEmpty(timeout) || timeout === 0;
}

const awaited = defineRule({
  name: "release-await",
  description: "A release is waited for, so that what needs it finds it ready.",
  level: "advisory",
  target: "release",
  check: (inputs) =>
    valueAt(inputs, "skipAwait") === true
      ? [
          {
            path: ["skipAwait"],
            message: "nothing waits until the release is ready",
            fix: "remove skipAwait",
          },
        ]
      : [],
});

const statedValues = defineRule({
  name: "release-stated-values",
  description: "A release states its values where the rules see them: no value files, no post-renderer.",
  level: "mandatory",
  target: "release",
  check: (inputs) =>
    ["valueYamlFiles", "postrender"]
      .filter((field) => !isEmpty(valueAt(inputs, field)))
      .map((field) => ({
        path: [field],
        message: `${field} may change images and hold secrets where no rule sees them`,
        fix: "state the values in the program",
      })),
});

/** Rules on Helm releases, their images and secrets aside. */
export const releaseRules: readonly Rule[] = [version, repository, namespace, timeout, awaited, statedValues];
