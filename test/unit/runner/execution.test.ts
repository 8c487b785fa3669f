import { setTimeout as tick } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Behaviour, dagSpec, execute, fails, phases, step, succeeds } from "./fakes.ts";

const writes = (name: string, ...outputs: string[]): object =>
  step(name, {
    outputs: { parameters: outputs.map((output) => ({ name: output, valueFrom: { path: `/o/${output}` } })) },
  });

describe("results of a DAG", () => {
  it("runs what comes after a success and omits what comes after a failure", async () => {
    const spec = dagSpec([
      { name: "a" },
      { name: "b", depends: "a.Succeeded" },
      { name: "c", depends: "b.Succeeded" },
      { name: "d", depends: "a.Succeeded" },
    ]);
    const outcome = await execute(spec, { b: () => fails() });
    expect(phases(outcome)).toEqual({ a: "Succeeded", b: "Failed", c: "Omitted", d: "Succeeded" });
    expect(outcome.status).toBe("Failed");
  });

  it("succeeds when a failure was what the last step waited for", async () => {
    const spec = dagSpec([{ name: "a" }, { name: "repair", depends: "a.Failed" }]);
    expect((await execute(spec, { a: () => fails() })).status).toBe("Succeeded");
    const calm = await execute(spec);
    expect(phases(calm).repair).toBe("Omitted");
    expect(calm.status).toBe("Succeeded");
  });

  it("does not take a skipped gate for a passed one", async () => {
    const tasks = [
      { name: "gate", when: "'no' == 'yes'" },
      { name: "promote", depends: "gate.Succeeded" },
      { name: "bare", depends: "gate" },
      { name: "either", depends: "gate.Succeeded || gate.Skipped" },
    ];
    const outcome = await execute(dagSpec(tasks));
    expect(phases(outcome)).toEqual({
      gate: "Skipped",
      promote: "Omitted",
      bare: "Succeeded",
      either: "Succeeded",
    });
  });

  it("tells errors from failures", async () => {
    const tasks = [{ name: "a" }, { name: "b", depends: "a.Failed" }, { name: "c", depends: "a.Errored" }];
    const outcome = await execute(dagSpec(tasks), { a: () => ({ phase: "Error", message: "no image" }) });
    expect(phases(outcome)).toEqual({ a: "Error", b: "Omitted", c: "Succeeded" });
    expect(outcome.status).toBe("Error");
  });

  it("starts every task after all that it depends on, for any graph", async () => {
    const graph = fc.integer({ min: 1, max: 9 }).chain((size) =>
      fc.tuple(
        ...Array.from({ length: size }, (_, index) =>
          fc.record({
            parents: fc.subarray(Array.from({ length: index }, (_unused, i) => i)),
            fails: fc.boolean(),
          }),
        ),
      ),
    );
    await fc.assert(
      fc.asyncProperty(graph, fc.integer({ min: 1, max: 4 }), async (nodes, parallelism) => {
        const tasks = nodes.map(({ parents }, index) => ({
          name: `t${index}`,
          ...(parents.length === 0
            ? {}
            : { depends: parents.map((parent) => `t${parent}.Succeeded`).join(" && ") }),
        }));
        let running = 0;
        let most = 0;
        const done = new Set<string>();
        const behaviours = Object.fromEntries(
          nodes.map(({ parents, fails: bad }, index): [string, Behaviour] => [
            `t${index}`,
            async () => {
              for (const parent of parents) expect(done).toContain(`t${parent}`);
              running += 1;
              most = Math.max(most, running);
              await tick(0);
              running -= 1;
              if (bad) return fails();
              done.add(`t${index}`);
              return succeeds();
            },
          ]),
        );
        const outcome = await execute(dagSpec(tasks, [], { parallelism }), behaviours);
        const expected: string[] = [];
        for (const [index, { parents, fails: bad }] of nodes.entries()) {
          const blocked = parents.some((parent) => expected[parent] !== "Succeeded");
          expected[index] = blocked ? "Omitted" : bad ? "Failed" : "Succeeded";
          expect(outcome.nodes[`t${index}`]?.phase).toBe(expected[index]);
        }
        expect(most).toBeLessThanOrEqual(parallelism);
        expect(outcome.status).toBe(expected.includes("Failed") ? "Failed" : "Succeeded");
      }),
    );
  });
});

describe("values", () => {
  it("flow from outputs, parameters and the run into a step's command, and are never read for tags again", async () => {
    const use = {
      name: "use",
      inputs: { parameters: [{ name: "id" }, { name: "model" }, { name: "run", default: "none" }] },
      container: {
        image: "x/tools:1.0.0",
        command: ["run"],
        args: ["{{inputs.parameters.id}}", "{{ inputs.parameters.model }}", "{{inputs.parameters.run}}"],
      },
    };
    const spec = dagSpec(
      [
        { name: "train", template: "train" },
        {
          name: "use",
          template: "use",
          depends: "train.Succeeded",
          arguments: {
            parameters: [
              { name: "id", value: "{{tasks.train.outputs.parameters.run-id}}" },
              { name: "model", value: "{{workflow.parameters.model}}-{{workflow.name}}" },
            ],
          },
        },
      ],
      [writes("train", "run-id"), use],
      { arguments: { parameters: [{ name: "model" }] } },
    );
    const outcome = await execute(
      spec,
      { train: () => succeeds({ "run-id": "{{workflow.uid}}" }) },
      { parameters: { model: "mlp" } },
    );
    expect(outcome.started.at(-1)?.container.args).toEqual(["{{workflow.uid}}", "mlp-run-1", "none"]);
  });

  it("fan out over a list and come back as a list", async () => {
    const trial = { ...writes("trial", "loss"), inputs: { parameters: [{ name: "rate" }] } };
    const pick = { ...step("pick"), inputs: { parameters: [{ name: "losses" }] } } as Record<string, unknown>;
    pick.container = { image: "x/tools:1.0.0", command: ["run"], args: ["{{inputs.parameters.losses}}"] };
    const spec = dagSpec(
      [
        { name: "plan", template: "plan" },
        {
          name: "trial",
          template: "trial",
          depends: "plan.Succeeded",
          withParam: "{{tasks.plan.outputs.parameters.trials}}",
          when: "'{{item.use}}' == 'true'",
          arguments: { parameters: [{ name: "rate", value: "{{item.rate}}" }] },
        },
        {
          name: "pick",
          template: "pick",
          depends: "trial.AnySucceeded",
          arguments: { parameters: [{ name: "losses", value: "{{tasks.trial.outputs.parameters.loss}}" }] },
        },
      ],
      [writes("plan", "trials"), trial, pick],
    );
    const trials = JSON.stringify([
      { rate: 0.1, use: true },
      { rate: 0.2, use: false },
      { rate: 0.3, use: true },
    ]);
    const outcome = await execute(spec, {
      plan: () => succeeds({ trials }),
      "trial(0)": () => succeeds({ loss: "1.5" }),
      "trial(2)": () => succeeds({ loss: "text" }),
    });
    expect(phases(outcome)).toMatchObject({
      "trial(0)": "Succeeded",
      "trial(1)": "Skipped",
      "trial(2)": "Succeeded",
    });
    expect(outcome.started.at(-1)?.container.args).toEqual(['[1.5,"text"]']);
  });

  it("an empty list skips the task, and what is no list is an error", async () => {
    const spec = dagSpec(
      [
        { name: "plan", template: "plan" },
        { name: "trial", depends: "plan.Succeeded", withParam: "{{tasks.plan.outputs.parameters.trials}}" },
      ],
      [writes("plan", "trials")],
    );
    const empty = await execute(spec, { plan: () => succeeds({ trials: "[]" }) });
    expect(phases(empty).trial).toBe("Skipped");
    const wrong = await execute(spec, { plan: () => succeeds({ trials: "three" }) });
    expect(wrong.nodes.trial).toMatchObject({ phase: "Error", message: "withParam is no JSON list: three" });
  });

  it("of a skipped step are an error where there is no default", async () => {
    const use = (more: object): object => ({
      ...step("use"),
      inputs: { parameters: [{ name: "id", ...more }] },
    });
    const tasks = [
      { name: "train", template: "train", when: "'a' == 'b'" },
      {
        name: "use",
        template: "use",
        depends: "train.Skipped",
        arguments: { parameters: [{ name: "id", value: "{{tasks.train.outputs.parameters.run-id}}" }] },
      },
    ];
    const without = await execute(dagSpec(tasks, [writes("train", "run-id"), use({})]));
    expect(without.nodes.use?.phase).toBe("Error");
    const withDefault = await execute(dagSpec(tasks, [writes("train", "run-id"), use({ default: "x" })]));
    expect(withDefault.nodes.use?.phase).toBe("Succeeded");
  });
});

describe("retries", () => {
  const retried = (more: object = {}): object =>
    dagSpec(
      [{ name: "a", template: "a" }],
      [
        step("a", {
          retryStrategy: {
            limit: "3",
            expression: "lastRetry.exitCode == '1'",
            backoff: { duration: "2s", factor: "2" },
            ...more,
          },
        }),
      ],
    );

  it("wait twice as long each time and stop at the limit", async () => {
    const outcome = await execute(retried(), { a: () => fails() });
    expect(outcome.started).toHaveLength(4);
    expect(outcome.pauses).toEqual([2_000, 4_000, 8_000]);
    expect(outcome.nodes.a).toMatchObject({ phase: "Failed", tries: 4, exitCode: 1 });
  });

  it("end with the first success", async () => {
    const outcome = await execute(retried(), { a: ({ number }) => (number < 2 ? fails() : succeeds()) });
    expect(outcome.status).toBe("Succeeded");
    expect(outcome.nodes.a?.tries).toBe(3);
  });

  it.each([2, 3, 137])("never happen after exit code %i", async (code) => {
    const outcome = await execute(retried(), { a: () => fails(code) });
    expect(outcome.started).toHaveLength(1);
    expect(outcome.nodes.a).toMatchObject({ phase: "Failed", exitCode: code });
  });

  it("do not go on beyond maxDuration", async () => {
    const limits = { backoff: { duration: "10s", maxDuration: "1s" } };
    expect((await execute(retried(limits), { a: () => fails() })).started).toHaveLength(1);
  });
});

describe("the end of a run", () => {
  const withExit = (tasks: { name: string; [key: string]: unknown }[], exitTasks: object[]): object =>
    dagSpec(tasks, [{ name: "exit", dag: { tasks: exitTasks } }, step("tell"), step("clean")], {
      onExit: "exit",
    });
  const exitTasks = [
    { name: "tell", template: "tell", when: "'{{workflow.status}}' != 'Succeeded'" },
    { name: "clean", template: "clean" },
  ];

  it("is told to the exit steps", async () => {
    const good = await execute(withExit([{ name: "a" }], exitTasks));
    expect(phases(good)).toEqual({ a: "Succeeded", "exit.tell": "Skipped", "exit.clean": "Succeeded" });
    const bad = await execute(withExit([{ name: "a" }], exitTasks), { a: () => fails(3) });
    expect(phases(bad)).toEqual({ a: "Failed", "exit.tell": "Succeeded", "exit.clean": "Succeeded" });
    expect(bad.status).toBe("Failed");
  });

  it("is a failure when an exit step fails", async () => {
    const outcome = await execute(withExit([{ name: "a" }], exitTasks), { "exit.clean": () => fails() });
    expect(outcome.status).toBe("Failed");
  });

  it("comes at once when it is stopped, and the exit steps still run", async () => {
    const stop = new AbortController();
    const spec = withExit([{ name: "a" }, { name: "b", depends: "a.Succeeded || a.Failed" }], exitTasks);
    const outcome = await execute(
      spec,
      {
        a: (_attempt, signal) => {
          stop.abort();
          expect(signal.aborted).toBe(true);
          return { phase: "Failed", message: "the workflow was stopped" };
        },
      },
      { stop: stop.signal },
    );
    expect(phases(outcome)).toEqual({
      a: "Failed",
      b: "Omitted",
      "exit.tell": "Succeeded",
      "exit.clean": "Succeeded",
    });
    expect(outcome.status).toBe("Failed");
  });
});

describe("room", () => {
  it("is shared by what steps ask of the processor", async () => {
    const heavy = (name: string, cpu: string): object => ({
      name,
      container: { image: "x/tools:1.0.0", command: ["run"], resources: { requests: { cpu } } },
    });
    let used = 0;
    let most = 0;
    const busy =
      (size: number): Behaviour =>
      async () => {
        used += size;
        most = Math.max(most, used);
        await tick(0);
        used -= size;
        return succeeds();
      };
    const names = ["a", "b", "c", "d"];
    const spec = dagSpec(
      names.map((name) => ({ name, template: name })),
      [heavy("a", "1500m"), heavy("b", "1"), heavy("c", "500m"), heavy("d", "9")],
    );
    const outcome = await execute(spec, { a: busy(1.5), b: busy(1), c: busy(0.5), d: busy(2) }, { cores: 2 });
    expect(outcome.status).toBe("Succeeded");
    expect(most).toBeLessThanOrEqual(2);
  });
});

describe("a resumed run", () => {
  it("takes over what succeeded with the same input, and nothing else", async () => {
    const use = {
      name: "use",
      inputs: { parameters: [{ name: "id" }] },
      container: { image: "x/tools:1.0.0", command: ["run"], args: ["{{inputs.parameters.id}}"] },
    };
    const spec = dagSpec(
      [
        { name: "train", template: "train" },
        {
          name: "use",
          template: "use",
          depends: "train.Succeeded",
          arguments: { parameters: [{ name: "id", value: "{{tasks.train.outputs.parameters.run-id}}" }] },
        },
        { name: "last", depends: "use.Succeeded" },
      ],
      [writes("train", "run-id"), use],
    );
    const behaviours: Record<string, Behaviour> = {
      train: () => succeeds({ "run-id": "r1" }),
      last: () => fails(),
    };
    const first = await execute(spec, behaviours);
    const second = await execute(spec, {}, { earlier: first.nodes });
    expect(second.started.map(({ node }) => node)).toEqual(["last"]);
    expect(second.status).toBe("Succeeded");
    const changed = {
      ...first.nodes,
      train: { ...first.nodes.train, inputs: "other" },
    } as typeof first.nodes;
    const third = await execute(spec, { train: () => succeeds({ "run-id": "r2" }) }, { earlier: changed });
    expect(third.started.map(({ node }) => node)).toEqual(["train", "use", "last"]);
  });
});

describe("a step that must run again", () => {
  it("is not taken over by a resumed run, and neither is what its new output feeds", async () => {
    const spec = dagSpec(
      [
        { name: "upload", template: "upload" },
        { name: "load", depends: "upload.Succeeded" },
      ],
      [step("upload", { metadata: { annotations: { "mlops.dev/rerun": "true" } } })],
    );
    const first = await execute(spec, { load: () => fails(3) });
    const second = await execute(spec, {}, { earlier: first.nodes });
    expect(second.started.map(({ node }) => node)).toEqual(["upload", "load"]);
  });
});

describe("a count", () => {
  it("of copies gives each its number", async () => {
    const trial = {
      name: "trial",
      inputs: { parameters: [{ name: "index" }] },
      container: { image: "x/tools:1.0.0", command: ["run"], args: ["{{inputs.parameters.index}}"] },
    };
    const spec = dagSpec(
      [
        {
          name: "trial",
          template: "trial",
          withSequence: { count: "{{workflow.parameters.trials}}" },
          arguments: { parameters: [{ name: "index", value: "{{item}}" }] },
        },
      ],
      [trial],
      { arguments: { parameters: [{ name: "trials" }] } },
    );
    const outcome = await execute(spec, {}, { parameters: { trials: "3" } });
    expect(outcome.started.map(({ container }) => container.args)).toEqual([["0"], ["1"], ["2"]]);
    const wrong = await execute(spec, {}, { parameters: { trials: "-1" } });
    expect(wrong.nodes.trial).toMatchObject({ phase: "Error", message: 'withSequence: "-1" is no count' });
  });
});
