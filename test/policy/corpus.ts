import { readdirSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { createContext } from "../../policy/context.ts";
import type { Context } from "../../policy/rules/types.ts";

/** Doors that an object can come through; the corpus says of each rule at which of them it must fire. */
export const doors = ["pack", "charts", "cli", "admission"] as const;
export type Door = (typeof doors)[number];

const doorsSchema = z.string().transform((text) => z.array(z.enum(doors)).parse(text.split(" ")));

const headerSchema = z.strictObject({
  about: z.string(),
  /** Type token of what is judged, `stack` for a list of resources; left out for Kubernetes objects. */
  subject: z.string().optional(),
  stack: z.enum(["local", "aws"]).default("local"),
  /** The API server's own validation refuses the object. */
  api: z.literal("refuses").optional(),
  /** `not applicable`: no single object, or its namespace has no policies. */
  admission: z.literal("not applicable").optional(),
  fires: z.record(z.string(), doorsSchema),
  deferred: z.record(z.string(), doorsSchema).default({}),
});

/** A file of the corpus: what it holds and what must be found in it. */
export interface CorpusEntry extends z.output<typeof headerSchema> {
  /** Path below the corpus folder, without its ending. */
  readonly name: string;
  readonly text: string;
}

const FOLDER = `${import.meta.dirname}/corpus`;

/** Every file of the corpus. The comment that a file begins with is YAML that says what to expect. */
export function readCorpus(): CorpusEntry[] {
  return readdirSync(FOLDER, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".yaml"))
    .toSorted()
    .map((file) => {
      const lines = readFileSync(`${FOLDER}/${file}`, "utf8").split("\n");
      const end = lines.findIndex((line) => !line.startsWith("#"));
      const header = lines.slice(0, end).map((line) => line.slice(2));
      const text = lines.slice(end).join("\n");
      return { ...headerSchema.parse(parse(header.join("\n"))), name: file.slice(0, -".yaml".length), text };
    });
}

/** What surrounds the objects of the corpus. */
export function corpusContext(stack: "local" | "aws"): Context {
  return createContext({
    stack,
    namespaces: {
      "team-a": { gpuQuota: 4, maximumGpus: 2 },
      "team-cpu": { gpuQuota: 0, maximumGpus: 0 },
    },
    systemNamespaces: ["monitoring"],
    registries: { own: ["ghcr.io/mlops-platform"] },
    chartRepositories: ["https://argoproj.github.io/argo-helm", "oci://ghcr.io/prometheus-community/charts"],
  });
}

/** Names of the rules that must fire, or defer, at a door. */
export function expectedAt(door: Door, rules: Readonly<Record<string, readonly Door[]>>): string[] {
  return Object.keys(rules)
    .filter((rule) => rules[rule]?.includes(door))
    .toSorted();
}
