import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";

interface Job {
  readonly if?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly { readonly uses?: string; readonly run?: string }[];
}

const text = readFileSync(join(import.meta.dirname, "../../../.github/workflows/policy.yaml"), "utf8");
const { permissions, jobs } = parse(text) as {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<"policies" | "aws" | "comment", Job>>;
};

describe("the workflow of pull requests", () => {
  it("gives what a pull request brings no more than it needs", () => {
    expect(permissions).toEqual({ contents: "read" });
    expect(jobs.policies.permissions).toBeUndefined();
    expect(jobs.aws.permissions).toEqual({ contents: "read", "id-token": "write" });
    expect(jobs.comment.permissions).toEqual({ "pull-requests": "write" });
    // What may write runs nothing but its own line.
    expect(jobs.comment.steps.filter(({ uses }) => uses !== undefined)).toEqual([]);
    expect(text).not.toMatch(/secrets\.|pull_request_target/);
  });

  it("asks AWS for pull requests of this repository alone, and only where a role is named", () => {
    const own = "github.event.pull_request.head.repo.full_name == github.repository";
    expect(jobs.aws.if).toBe(`vars.AWS_PREVIEW_ROLE != '' && ${own}`);
    expect(jobs.comment.if).toContain(own);
    expect(jobs.policies.if).toBeUndefined();
  });

  it("puts nothing that a pull request names into a shell's own text", () => {
    for (const { steps } of Object.values(jobs)) {
      for (const { run } of steps) expect(run ?? "").not.toContain("${{");
    }
  });

  it("pins every action to a commit", () => {
    const used = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ uses }) => uses ?? []));
    for (const action of used) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
  });
});
