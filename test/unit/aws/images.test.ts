import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { imageNames } from "../../../components/aws/images.ts";

const project = join(import.meta.dirname, "../../..");
const read = (path: string): string => readFileSync(join(project, path), "utf8");

interface Step {
  readonly uses?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}
interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
  readonly strategy: { readonly matrix: { readonly image: readonly string[] } };
}

describe.each(imageNames)("image %s", (image) => {
  const instructions = read(`images/${image}/Dockerfile`)
    .replaceAll("\\\n", " ")
    .split("\n")
    .filter((line) => /^[A-Z]+ /.test(line));

  it("starts from one base, pinned by version and digest", () => {
    const bases = instructions.filter((line) => line.startsWith("ARG BASE_IMAGE="));
    expect(bases).toHaveLength(1);
    expect(bases[0]).toMatch(/=docker\.io\/library\/\w+:\d+\.\d+\.\d+-[\w-]+@sha256:[0-9a-f]{64}$/);
    for (const line of instructions.filter((from) => from.startsWith("FROM "))) {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Docker's variable.
      expect(line).toContain("FROM ${BASE_IMAGE}");
    }
  });

  it("does not run as root", () => {
    const user = instructions.filter((line) => line.startsWith("USER ")).at(-1);
    expect(user).toMatch(/^USER [1-9]\d*:[1-9]\d*$/);
    expect(instructions.at(-1)).toBe(user);
  });

  it("takes nothing from the internet that is not checked", () => {
    for (const line of instructions) {
      expect(line).not.toMatch(/^ADD |curl|wget/);
      if (line.includes("pip install")) expect(line).toContain("--require-hashes");
      if (line.startsWith("RUN ") && line.includes("npm")) expect(line).toContain("npm ci");
    }
  });
});

describe("image workflow", () => {
  const workflow = parse(read(".github/workflows/images.yaml")) as {
    readonly permissions: Readonly<Record<string, string>>;
    readonly jobs: Readonly<Record<string, Job>>;
  };
  const jobs = Object.entries(workflow.jobs);

  it("builds every image", () => {
    for (const [, job] of jobs) expect(job.strategy.matrix.image).toEqual([...imageNames]);
  });

  it("pins every action to a commit", () => {
    for (const [, job] of jobs) {
      for (const { uses } of job.steps) {
        if (uses !== undefined) expect(uses).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
      }
    }
  });

  it("may take on a role in AWS only where it publishes, and has no key", () => {
    expect(workflow.permissions).toEqual({ contents: "read" });
    const allowed = jobs.filter(([, job]) => job.permissions?.["id-token"] !== undefined);
    expect(allowed.map(([name]) => name)).toEqual(["publish"]);
    expect(read(".github/workflows/images.yaml")).not.toMatch(/secrets\.|aws-secret-access-key/);
  });
});
