import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KubernetesObject, Release } from "./stackExport.ts";

const project = `name: flat
runtime:
  name: nodejs
  options:
    typescript: false
main: index.ts
`;

const flat = (data: string): string => `import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { readFileSync } from "node:fs";

const { kubeconfig, releases, objects } = JSON.parse(readFileSync(${JSON.stringify(data)}, "utf8"));
const provider = new k8s.Provider("cluster", { kubeconfig: readFileSync(kubeconfig, "utf8") });
for (const { type, name, inputs } of objects) new pulumi.CustomResource(type, name, inputs, { provider });
const made: Record<string, k8s.helm.v3.Release> = {};
for (const { needs, ...args } of releases) {
  made[args.name] = new k8s.helm.v3.Release(args.name, args, {
    provider,
    dependsOn: needs.flatMap((need: string) => made[need] ?? []),
  });
}
`;

/** A program that imports the SDK and makes nothing. */
export function writeEmptyProgram(dir: string, nodeModules: string): void {
  writeProgram(
    dir,
    nodeModules,
    'import * as pulumi from "@pulumi/pulumi";\n\nexport const stack = pulumi.getStack();\n',
  );
}

export interface FlatProgram {
  readonly kubeconfig: string;
  readonly releases: readonly Release[];
  /** What the program makes besides; without it, the releases and nothing else. */
  readonly objects: readonly KubernetesObject[];
}

/** One file with a list of releases: what most people would write first. */
export function writeFlatProgram(dir: string, nodeModules: string, data: FlatProgram): void {
  const file = join(dir, "releases.json");
  writeProgram(dir, nodeModules, flat(file));
  writeFileSync(file, JSON.stringify(data));
}

function writeProgram(dir: string, nodeModules: string, source: string): void {
  mkdirSync(dir, { recursive: true });
  const modules = join(dir, "node_modules");
  if (!existsSync(modules)) symlinkSync(nodeModules, modules);
  writeFileSync(join(dir, "Pulumi.yaml"), project);
  writeFileSync(join(dir, "package.json"), '{ "type": "module" }\n');
  writeFileSync(join(dir, "index.ts"), source);
}
