import { describe, expect, it } from "vitest";
import { readSpec, UnsupportedError } from "../../../packages/runner/check.ts";
import { dagSpec, step } from "./fakes.ts";

function problemsOf(spec: unknown): readonly string[] {
  try {
    readSpec("test", spec);
    return [];
  } catch (error) {
    if (error instanceof UnsupportedError) return error.problems;
    throw error;
  }
}

const unsupported = (path: string): string => `${path}: the runner does not support this field`;

describe("a template is refused before anything runs", () => {
  it("for every field that the runner does not execute, with its path", () => {
    const spec = dagSpec(
      [{ name: "a", template: "a", hooks: {}, continueOn: { failed: true } }],
      [
        step("a", { sidecars: [], synchronization: {}, podSpecPatch: "{}" }),
        { name: "b", script: { image: "x", source: "echo" } },
      ],
      { volumeClaimTemplates: [], templateDefaults: {} },
    );
    expect(problemsOf(spec)).toEqual([
      unsupported("spec.templates[0].dag.tasks[0].hooks"),
      unsupported("spec.templates[0].dag.tasks[0].continueOn"),
      unsupported("spec.templates[1].sidecars"),
      unsupported("spec.templates[1].synchronization"),
      unsupported("spec.templates[1].podSpecPatch"),
      unsupported("spec.templates[2].script"),
      unsupported("spec.volumeClaimTemplates"),
      unsupported("spec.templateDefaults"),
    ]);
  });

  it("for bare dependencies, templates by reference and volumes that are no scratch space", () => {
    const spec = dagSpec(
      [
        { name: "a" },
        { name: "b", dependencies: ["a"] },
        { name: "c", templateRef: { name: "x", template: "y" } },
      ],
      [step("d", { volumes: [{ name: "v", persistentVolumeClaim: { claimName: "c" } }] })],
    );
    expect(problemsOf(spec)).toEqual([
      unsupported("spec.templates[0].dag.tasks[1].dependencies"),
      unsupported("spec.templates[0].dag.tasks[2].templateRef"),
      "spec.templates[4].volumes[0].emptyDir: Invalid input: expected nonoptional, received undefined",
      unsupported("spec.templates[4].volumes[0].persistentVolumeClaim"),
    ]);
  });

  it("for a container whose command only its image knows", () => {
    const spec = dagSpec(
      [{ name: "a", template: "a" }],
      [{ name: "a", container: { image: "x", args: ["y"] } }],
    );
    expect(problemsOf(spec)).toEqual([
      "spec.templates[1].container.command: Invalid input: expected array, received undefined",
    ]);
  });

  it("for tags that nothing fills, expression tags among them", () => {
    const args = [
      "{{=1 + 1}}",
      "{{retries}}",
      "{{pod.name}}",
      "{{inputs.parameters.x}}",
      "{{workflow.status}}",
    ];
    const spec = dagSpec(
      [{ name: "a", template: "a" }],
      [{ name: "a", container: { image: "x", command: ["y"], args } }],
    );
    expect(problemsOf(spec)).toEqual(
      ["=1 + 1", "retries", "pod.name", "inputs.parameters.x", "workflow.status"].map(
        (tag) => `template "a": {{${tag}}} is not supported or not known here`,
      ),
    );
  });

  it("for outputs of tasks that come later, do not exist or have no such output", () => {
    const value = (tag: string): object => ({
      arguments: { parameters: [{ name: "p", value: `{{${tag}}}` }] },
    });
    const outputs = { parameters: [{ name: "x", valueFrom: { path: "/x" } }] };
    const makes = { template: "makes" };
    const spec = dagSpec(
      [
        { name: "a", ...makes, ...value("tasks.b.outputs.parameters.x") },
        { name: "b", ...makes, depends: "a.Succeeded", ...value("tasks.a.outputs.parameters.y") },
        { name: "c", ...makes, depends: "b.Succeeded", ...value("tasks.z.outputs.parameters.x") },
        { name: "d", ...makes, ...value("item") },
        { name: "e", ...makes, depends: "c.Succeeded", ...value("tasks.a.outputs.parameters.x") },
      ],
      [step("makes", { outputs })],
    );
    expect(problemsOf(spec)).toEqual(
      [
        ["a", "tasks.b.outputs.parameters.x"],
        ["b", "tasks.a.outputs.parameters.y"],
        ["c", "tasks.z.outputs.parameters.x"],
        ["d", "item"],
      ].map(
        ([task, tag]) => `template "main": task "${task}": {{${tag}}} is not supported or not known here`,
      ),
    );
  });

  it("for wrong references, cycles and missing inputs", () => {
    const spec = dagSpec(
      [
        { name: "a", depends: "b.Succeeded" },
        { name: "b", depends: "a.Succeeded" },
        { name: "c", depends: "z.Succeeded || a.Finished" },
        { name: "d", template: "absent" },
        { name: "e", template: "needy", withParam: "[]", withItems: [] },
        { name: "f", template: "main" },
      ],
      [step("needy", { inputs: { parameters: [{ name: "p" }], artifacts: [{ name: "q", path: "/q" }] } })],
      { onExit: "gone" },
    );
    expect(problemsOf(spec)).toEqual([
      'spec.onExit: there is no template "gone"',
      'template "main" calls itself, which the runner does not support',
      'template "main": task "c": depends: "a.Finished" is no result of a task; results: Succeeded, Failed, Errored, ' +
        "Skipped, Omitted, Daemoned, AnySucceeded, AllFailed",
      'template "main": task "a": depends on itself, directly or not',
      'template "main": task "b": depends on itself, directly or not',
      'template "main": task "d": there is no template "absent"',
      'template "main": task "e": template "needy" needs parameter "p"',
      'template "main": task "e": template "needy" needs artifact "q"',
      'template "main": task "e": has more than one of withParam, withItems and withSequence',
    ]);
  });

  it("for expressions that it cannot evaluate", () => {
    const spec = dagSpec(
      [{ name: "a", template: "a", when: "'x' =~ 'y'" }],
      [step("a", { retryStrategy: { limit: 1, expression: "asInt(lastRetry.exitCode) > 1" } })],
    );
    expect(problemsOf(spec)).toEqual([
      `template "main": task "a": when: "'x' =~ 'y'": unsupported at "=~ 'y'"`,
      'template "a": retryStrategy.expression: "asInt(lastRetry.exitCode) > 1": unexpected "("',
    ]);
  });
});
