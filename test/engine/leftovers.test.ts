import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type LeftoverScripts, leftoverScripts } from "../../components/platform/leftovers.ts";
import { destroy, start } from "../../tools/embedded/cluster.ts";
import { ExecError, exec } from "../../tools/lib/exec.ts";
import { createLog } from "../../tools/lib/log.ts";

const log = createLog({ write: () => {} });
let dir: string;
let kubeconfig: string;

beforeAll(async () => {
  dir = join(await mkdtemp(join(tmpdir(), "mlops-leftovers-")), "cluster");
  kubeconfig = (await start({ dir, log, services: false })).handover.kubeconfig;
});

afterAll(async () => {
  await destroy({ dir, log });
  await rm(join(dir, ".."), { recursive: true, force: true });
});

const theirs = "lions.zoo.example";
const ours = "lionesses.zoo.example";
const scripts = leftoverScripts({
  crds: [theirs, ours, "tigers.zoo.example"],
  objects: [
    { namespace: "kube-system", object: "service/theirs" },
    { namespace: "kube-system", object: "service/ours" },
  ],
});

async function run(script: keyof Omit<LeftoverScripts, "environment">, before?: string): Promise<string> {
  const env = {
    ...scripts.environment,
    KUBECONFIG_CONTENT: readFileSync(kubeconfig, "utf8"),
    KUBE_CONTEXT: "",
    PULUMI_COMMAND_STDOUT: before,
  };
  return (await exec("sh", ["-c", scripts[script]], { env })).stdout.trim();
}

async function kubectl(...args: string[]): Promise<string> {
  return (await exec("kubectl", ["--kubeconfig", kubeconfig, ...args])).stdout.trim();
}

async function makeCrd(name: string): Promise<void> {
  const [plural = "", ...group] = name.split(".");
  const kind = plural.replace(/s$/, "");
  const crd = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name },
    spec: {
      group: group.join("."),
      scope: "Namespaced",
      names: { plural, singular: kind, kind: kind.replace(/^./, (first) => first.toUpperCase()) },
      versions: [
        { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } },
      ],
    },
  };
  await exec("kubectl", ["--kubeconfig", kubeconfig, "apply", "-f", "-"], { input: JSON.stringify(crd) });
}

async function makeService(name: string): Promise<void> {
  await kubectl("create", "service", "clusterip", name, "--tcp=80", "--namespace", "kube-system");
}

it("are removed, but for those that were there first", async () => {
  expect(await run("create")).toBe("");
  await makeCrd(theirs);
  await makeService("theirs");
  const before = await run("create");
  expect(before.split("\n")).toHaveLength(2);
  await makeCrd(ours);
  await makeService("ours");
  expect(await run("update", before)).toBe(before);

  await run("delete", before);
  expect(await kubectl("get", "crds", "-o", "name")).toBe(
    `customresourcedefinition.apiextensions.k8s.io/${theirs}`,
  );
  expect(await kubectl("get", "services", "--namespace", "kube-system", "-o", "name")).toContain(
    "service/theirs",
  );
  expect(await kubectl("get", "services", "--namespace", "kube-system", "-o", "name")).not.toContain(
    "service/ours",
  );
  await run("delete", before);
});

it("are all removed when nothing was there first", async () => {
  await run("delete");
  expect(await kubectl("get", "crds", "-o", "name")).toBe("");
});

it("are not taken for absent on a cluster that does not answer", async () => {
  const env = {
    ...scripts.environment,
    KUBECONFIG_CONTENT: readFileSync(kubeconfig, "utf8").replace(/127\.0\.0\.1:\d+/, "127.0.0.1:1"),
    KUBE_CONTEXT: "",
  };
  await expect(exec("sh", ["-c", scripts.create], { env })).rejects.toThrow(ExecError);
});
