import { describe, expect, it } from "vitest";
import type { DAGTask, Template, WorkflowTemplate } from "../../../pipelines/argo/types.ts";
import {
  allOf,
  anyOf,
  both,
  compile,
  definePipeline,
  differs,
  either,
  equals,
  type Flow,
  failed,
  integer,
  item,
  itemField,
  type Pipeline,
  type Reference,
  run,
  skipped,
  succeeded,
  text,
} from "../../../pipelines/builder/index.ts";
import { place, small } from "./fixtures.ts";

function pipelineOf(
  steps: (flow: Flow, parameters: { model: Reference }) => void,
  more: object = {},
): Pipeline {
  return definePipeline({
    name: "example",
    description: "An example",
    owner: "team-a",
    queue: "default",
    parameters: { model: text({ description: "m", default: "a", oneOf: ["a", "b"] }) },
    deadline: 600,
    steps,
    ...more,
  });
}

function templateOf(pipeline: Pipeline, gpus = 0): WorkflowTemplate {
  return compile(pipeline, { ...place, gpus }).template;
}

function task(template: WorkflowTemplate, name: string): DAGTask | undefined {
  return template.spec.templates?.[0]?.dag?.tasks.find((one) => one.name === name);
}

function step(template: WorkflowTemplate, name: string): Template | undefined {
  return template.spec.templates?.find((one) => one.name === name);
}

describe("dependencies", () => {
  it("are always on a result, and follow from the outputs that a step uses", () => {
    const template = templateOf(
      pipelineOf((flow) => {
        const a = flow.add("a", { ...small, outputs: ["id"], artifacts: ["file"] });
        flow.add("b", { ...small, parameters: { id: a.outputs.id } });
        flow.add("c", { ...small, inputs: { file: a.artifacts.file } });
        flow.add("d", { ...small, when: equals(a.outputs.id, "x") });
        flow.add("e", { ...small, after: [skipped(a)], parameters: { id: a.outputs.id } });
      }),
    );
    expect(["a", "b", "c", "d", "e"].map((name) => task(template, name)?.depends)).toEqual([
      undefined,
      "a.Succeeded",
      "a.Succeeded",
      "a.Succeeded",
      "a.Skipped",
    ]);
    const dependencies = template.spec.templates?.[0]?.dag?.tasks.flatMap((one) => one.dependencies ?? []);
    expect(dependencies).toEqual([]);
  });

  it("combine", () => {
    const template = templateOf(
      pipelineOf((flow) => {
        const [a, b, c] = [flow.add("a", small), flow.add("b", small), flow.add("c", small)];
        flow.add("d", { ...small, after: [succeeded(a), anyOf(failed(b), allOf(succeeded(b), skipped(c)))] });
      }),
    );
    expect(task(template, "d")?.depends).toBe(
      "a.Succeeded && ((b.Failed || b.Errored) || (b.Succeeded && c.Skipped))",
    );
  });
});

describe("a step", () => {
  it("gets parameters and artifacts as flags and names its outputs by flags", () => {
    const template = templateOf(
      pipelineOf((flow, { model }) => {
        const a = flow.add("a", { ...small, artifacts: ["file"] });
        flow.add("b", {
          ...small,
          runs: "search best",
          image: "training",
          parameters: { model, epochs: 3, "run-key": run.uid },
          inputs: { file: a.artifacts.file },
          outputs: ["id"],
        });
      }),
    );
    expect(step(template, "b")?.container).toMatchObject({
      image: place.images.training,
      command: ["python", "-m", "mlops_training.search", "best"],
      args: [
        ...["--model", "{{inputs.parameters.model}}", "--epochs", "{{inputs.parameters.epochs}}"],
        ...["--run-key", "{{inputs.parameters.run-key}}", "--file", "/mlops/in/file"],
        ...["--output-id", "/mlops/out/id"],
      ],
    });
    expect(task(template, "b")?.arguments).toEqual({
      parameters: [
        { name: "model", value: "{{workflow.parameters.model}}" },
        { name: "epochs", value: "3" },
        { name: "run-key", value: "{{workflow.uid}}" },
      ],
      artifacts: [{ name: "file", from: "{{tasks.a.outputs.artifacts.file}}" }],
    });
    expect(step(template, "b")?.outputs?.parameters).toEqual([
      { name: "id", valueFrom: { path: "/mlops/out/id" } },
    ]);
  });

  it("is retried after exit code 1 only", () => {
    const template = templateOf(
      pipelineOf((flow) => void flow.add("a", { ...small, retries: { limit: 2, backoffSeconds: 5 } })),
    );
    expect(step(template, "a")?.retryStrategy).toEqual({
      limit: "2",
      expression: "lastRetry.exitCode == '1'",
      backoff: { duration: "5s", factor: "2" },
    });
  });

  it("asks for a GPU only where the namespace may hold it", () => {
    const pipeline = pipelineOf(
      (flow) => void flow.add("a", { ...small, accelerator: { class: "t4", count: 1 } }),
    );
    const without = step(templateOf(pipeline), "a");
    expect(without?.container?.resources?.limits).toEqual({ cpu: "1", memory: "1Gi" });
    expect([without?.nodeSelector, without?.tolerations]).toEqual([undefined, undefined]);
    const withGpu = step(templateOf(pipeline, 1), "a");
    expect(withGpu?.container?.resources?.limits).toEqual({ cpu: "1", memory: "1Gi", "nvidia.com/gpu": "1" });
    expect(withGpu?.nodeSelector).toEqual({ "mlops.dev/accelerator": "t4" });
    expect(withGpu?.tolerations).toEqual(place.accelerators.t4.tolerations);
  });

  it("runs restricted, as the account of its role, with labels of its owner and queue", () => {
    const template = templateOf(
      pipelineOf((flow) => {
        flow.add("a", small);
        flow.add("b", { ...small, role: "deployment", rerun: true });
      }),
    );
    const { spec } = template;
    expect([step(template, "a"), step(template, "b")].map((one) => one?.serviceAccountName)).toEqual([
      "training",
      "deployment",
    ]);
    expect(step(template, "b")?.metadata).toEqual({
      labels: { "mlops.dev/role": "deployment" },
      annotations: { "mlops.dev/rerun": "true" },
    });
    expect(spec.podMetadata?.labels).toMatchObject({
      "mlops.dev/owner": "team-a",
      "mlops.dev/queue": "default",
    });
    expect([spec.automountServiceAccountToken, spec.securityContext?.runAsNonRoot]).toEqual([false, true]);
    expect(step(template, "a")?.container?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
    });
  });

  it("fans out over a list or a count", () => {
    const template = templateOf(
      pipelineOf((flow) => {
        const a = flow.add("a", { ...small, outputs: ["list"] });
        flow.add("b", { ...small, forEach: a.outputs.list, parameters: { rate: itemField("rate") } });
        flow.add("c", { ...small, repeat: 3, parameters: { index: item } });
      }),
    );
    expect(task(template, "b")).toMatchObject({
      withParam: "{{tasks.a.outputs.parameters.list}}",
      depends: "a.Succeeded",
      arguments: { parameters: [{ name: "rate", value: "{{item.rate}}" }] },
    });
    expect(task(template, "c")?.withSequence).toEqual({ count: "3" });
  });

  it("compares with quotes, so that no value is taken for an expression", () => {
    const template = templateOf(
      pipelineOf((flow, { model }) => {
        flow.add("a", { ...small, when: both(equals(model, "a"), either(differs(run.name, model))) });
      }),
    );
    expect(task(template, "a")?.when).toBe(
      "('{{workflow.parameters.model}}' == 'a' && ('{{workflow.name}}' != '{{workflow.parameters.model}}'))",
    );
  });
});

describe("a pipeline", () => {
  it("declares its parameters, and their types in an annotation", () => {
    const parameters = {
      model: text({ description: "m", default: "a", oneOf: ["a", "b"] }),
      epochs: integer({ description: "e", minimum: 1 }),
    };
    const template = templateOf(pipelineOf((flow) => void flow.add("a", small), { parameters }));
    expect(template.spec.arguments?.parameters).toEqual([
      { name: "model", description: "m", value: "a", enum: ["a", "b"] },
      { name: "epochs", description: "e" },
    ]);
    expect(JSON.parse(template.metadata.annotations?.["mlops.dev/parameters"] ?? "")).toEqual({
      model: { type: "text" },
      epochs: { type: "integer", minimum: 1 },
    });
  });

  it("with a schedule also makes a CronWorkflow, which never runs twice at a time", () => {
    const schedule = { schedules: ["0 3 * * *"], parameters: { model: "b" } };
    const { cron } = compile(
      pipelineOf((flow) => void flow.add("a", small), { schedule }),
      place,
    );
    expect(cron?.spec).toMatchObject({
      schedules: ["0 3 * * *"],
      concurrencyPolicy: "Forbid",
      workflowSpec: {
        workflowTemplateRef: { name: "example" },
        arguments: { parameters: [{ name: "model", value: "b" }] },
      },
    });
  });

  it("has exit steps of its own", () => {
    const template = templateOf(
      pipelineOf((flow) => void flow.add("a", small), {
        atExit: (flow: Flow) => void flow.add("tell", { ...small, when: differs(run.status, "Succeeded") }),
      }),
    );
    expect(template.spec.onExit).toBe("exit");
    expect(step(template, "exit")?.dag?.tasks).toEqual([
      { name: "tell", template: "tell", when: "'{{workflow.status}}' != 'Succeeded'" },
    ]);
  });

  it("is refused with everything that is wrong at once", () => {
    const make = (): Pipeline =>
      definePipeline({
        name: "Bad_Name",
        description: "",
        owner: "o",
        queue: "q",
        parameters: {
          epochs: integer({ description: "e", default: 0, minimum: 1 }),
          mode: text({ description: "m", default: "c", oneOf: ["a"] }),
        },
        deadline: 0,
        schedule: { schedules: ["* * *"], parameters: { other: "x" } },
        steps: (flow, { epochs }) => {
          const a = flow.add("a", { ...small, outputs: ["Id"] });
          flow.add("a", { ...small, deadline: 0.5, parameters: { "output-Id": epochs } });
          flow.add("b", {
            ...small,
            after: [succeeded({ name: "later" })],
            forEach: a.outputs.Id,
            repeat: 2,
          });
        },
      });
    expect(make).toThrowError(
      [
        'pipeline "Bad_Name":',
        "  - its name is not in kebab-case, of at most 50 characters",
        '  - default 0 of "epochs" is below 1',
        '  - default "c" of "mode" is not one of a',
        "  - 0 is no whole number above 0",
        '  - its schedule sets "other", which is no parameter',
        '  - schedule "* * *" has not five fields',
        '  - step "a": "output-Id" is not in kebab-case',
        '  - step "a": a step of this name was added before',
        '  - step "a": "output-Id" is not in kebab-case',
        '  - step "a": deadline 0.5 is no whole number above 0',
        '  - step "b": it refers to "later", no earlier step',
        '  - step "b": it has both forEach and repeat',
      ].join("\n"),
    );
  });
});
