import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type FinishedRun,
  type Interpreter,
  Journal,
  type LocalOptions,
  logFile,
  type NodeState,
  resumeLocally,
  runLocally,
  specHash,
  submit,
} from "@mlops/runner";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  compile,
  definePipeline,
  type Flow,
  type Pipeline,
  type Reference,
  run,
  succeeded,
  text,
} from "../../../pipelines/builder/index.ts";
import { processIdentity } from "../../../tools/lib/processIdentity.ts";
import { place, small } from "../../unit/pipelines/fixtures.ts";
import { startTestCluster, type TestCluster } from "./cluster.ts";

let cluster: TestCluster;
/** Where runs, and what steps tell the test, lie. */
let folder: string;

const steps = dirname(fileURLToPath(import.meta.url));
const interpreter: Interpreter = {
  // The deployment image's steps are this test's own.
  programs: { node: process.execPath },
  folders: { "/app/apps/steps/main.ts": join(steps, "steps.mjs") },
  environment: {},
};
const patience = { timeout: 30_000, interval: 50 };

beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(() => cluster?.remove());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mlops-run-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string): string => join(folder, name);
const report = (name: string): Record<string, unknown> => JSON.parse(readFileSync(file(name), "utf8"));

function pipelineOf(
  name: string,
  build: (flow: Flow, parameters: { word: Reference }) => void,
  more: object = {},
): Pipeline {
  return definePipeline({
    name,
    description: "A test",
    owner: "team-a",
    queue: "default",
    parameters: { word: text({ description: "A word", default: "clay", oneOf: ["clay", "wood"] }) },
    deadline: 600,
    steps: build,
    ...more,
  });
}

async function deploy(pipeline: Pipeline): Promise<string> {
  const { template } = compile(pipeline, place);
  await cluster.apply(template);
  return specHash(template.spec);
}

function options(more: Partial<LocalOptions> = {}): LocalOptions {
  const never = new AbortController().signal;
  return {
    namespace: cluster.namespace,
    runsFolder: file("runs"),
    interpreterOf: () => interpreter,
    stop: never,
    stopExit: never,
    ...more,
  };
}

async function start(
  name: string,
  given: Record<string, string> = {},
  more?: Partial<LocalOptions>,
): Promise<FinishedRun> {
  return runLocally(await cluster.namespace.template(name), given, options(more));
}

const phases = ({ nodes }: FinishedRun): Record<string, string> =>
  Object.fromEntries(Object.entries(nodes).map(([node, { phase }]) => [node, phase]));

describe("a deployed pipeline", () => {
  it("runs as it was compiled, with values and folders going from step to step", async () => {
    const compiled = await deploy(
      pipelineOf("hand-over", (flow, { word }) => {
        const made = flow.add("make", {
          ...small,
          runs: "make",
          parameters: { word },
          outputs: ["value"],
          artifacts: ["folder"],
        });
        flow.add("take", {
          ...small,
          runs: "take",
          parameters: { value: made.outputs.value, report: file("take.json") },
          inputs: { folder: made.artifacts.folder },
        });
      }),
    );
    const deployed = await cluster.namespace.template("hand-over");
    const finished = await start("hand-over", { word: "wood" });
    expect(finished.status).toBe("Succeeded");
    expect(Journal.open(file("runs"), finished.name).run.specSha256).toBe(compiled);
    expect([specHash(deployed.spec), finished.specSha256]).toEqual([compiled, compiled]);

    const taken = report("take.json") as {
      content: string;
      value: string;
      env: Record<string, string>;
      argv: string[];
    };
    expect([taken.content, taken.value]).toEqual(["made of wood", "wood!"]);
    expect(taken.env).toMatchObject({
      MLFLOW_TRACKING_URI: cluster.handover.mlflow?.url,
      AWS_SECRET_ACCESS_KEY: cluster.handover.minio?.secretKey,
      MLOPS_WORKFLOW: finished.name,
      MLOPS_STEP: "take",
    });
    // Nothing of whoever started it but the search path and the language.
    const declared = /^(AWS_|MLFLOW_|MLOPS_|PATH$|LANG$|HOME$|TMPDIR$)/;
    expect(Object.keys(taken.env).filter((name) => !declared.test(name))).toEqual([]);
  });

  it("shows secrets neither in logs nor in arguments", async () => {
    await deploy(
      pipelineOf("secretive", (flow, { word }) => {
        const made = flow.add("make", {
          ...small,
          runs: "make",
          parameters: { word },
          outputs: ["value"],
          artifacts: ["folder"],
        });
        flow.add("take", {
          ...small,
          runs: "take",
          parameters: { value: made.outputs.value, report: file("take.json") },
          inputs: { folder: made.artifacts.folder },
        });
        flow.add("careless", { ...small, runs: "none", parameters: { key: "$(AWS_SECRET_ACCESS_KEY)" } });
        flow.add("careful", { ...small, runs: "none", parameters: { region: "$(AWS_REGION)" } });
      }),
    );
    const finished = await start("secretive");
    expect(phases(finished)).toMatchObject({ take: "Succeeded", careless: "Error", careful: "Succeeded" });
    const secret = cluster.handover.minio?.secretKey as string;
    expect(finished.nodes.careless?.message).toBe(
      "$(AWS_SECRET_ACCESS_KEY) would put a secret into the arguments",
    );
    expect(readFileSync(logFile(finished.folder, "take", 0), "utf8")).toContain("the key is [secret]");
    expect(readFileSync(join(finished.folder, "run.json"), "utf8")).not.toContain(secret);
    expect((report("take.json").argv as string[]).join(" ")).not.toContain(secret);
  });
});

describe("failures", () => {
  const stumbling = (name: string, parameters: Record<string, string>): Pipeline =>
    pipelineOf(
      name,
      (flow) => {
        const first = flow.add("first", {
          ...small,
          runs: "stumble",
          parameters: { memory: file("first"), times: 0, code: 1 },
        });
        const gate = flow.add("gate", {
          ...small,
          runs: "stumble",
          parameters: { memory: file("gate"), ...parameters },
          retries: { limit: 1, backoffSeconds: 1 },
          after: [succeeded(first)],
        });
        flow.add("promote", { ...small, runs: "none", after: [succeeded(gate)] });
      },
      {
        atExit: (flow: Flow) =>
          void flow.add("tell", {
            ...small,
            runs: "tell",
            parameters: { report: file("tell.json"), status: run.status, failures: run.failures },
          }),
      },
    );
  const tries = (name: string): number => readFileSync(file(name), "utf8").length;

  it("of a gate are final: no retry, nothing after it, and the exit steps know", async () => {
    await deploy(stumbling("refused", { times: "9", code: "3" }));
    const finished = await start("refused");
    expect(finished.status).toBe("Failed");
    expect(phases(finished)).toEqual({
      first: "Succeeded",
      gate: "Failed",
      promote: "Omitted",
      "exit.tell": "Succeeded",
    });
    expect(tries("gate")).toBe(1);
    const told = report("tell.json") as { status: string; failures: string };
    expect(told.status).toBe("Failed");
    expect(JSON.parse(told.failures)).toEqual([
      { displayName: "gate", message: "exit code 3", phase: "Failed" },
    ]);
  });

  it("of the moment are tried again", async () => {
    await deploy(stumbling("wobbly", { times: "1", code: "1" }));
    const finished = await start("wobbly");
    expect([finished.status, tries("gate")]).toEqual(["Succeeded", 2]);
  });

  it("can be mended and the run resumed, without running again what succeeded", async () => {
    await deploy(stumbling("mended", { times: "2", code: "1" }));
    const failed = await start("mended");
    expect([failed.status, tries("gate")]).toEqual(["Failed", 2]);
    const resumed = await resumeLocally(failed.name, options());
    expect(phases(resumed)).toEqual({
      first: "Succeeded",
      gate: "Succeeded",
      promote: "Succeeded",
      "exit.tell": "Succeeded",
    });
    expect([tries("first"), tries("gate")]).toEqual([1, 3]);
    expect(report("tell.json").status).toBe("Succeeded");
    await expect(resumeLocally(failed.name, options())).rejects.toThrow("nothing to go on with");
    await expect(resumeLocally("mended-1", options())).rejects.toThrow(`the latest runs: ${failed.name}`);
  });
});

describe("endless steps", () => {
  const hanging = (name: string, deadline: number): Pipeline =>
    pipelineOf(
      name,
      (flow) =>
        void flow.add("hang", { ...small, runs: "hang", deadline, parameters: { pids: file("pids") } }),
      {
        atExit: (flow: Flow) =>
          void flow.add("tell", {
            ...small,
            runs: "tell",
            parameters: { report: file("tell.json"), status: run.status },
          }),
      },
    );
  const alive = (): boolean[] =>
    (JSON.parse(readFileSync(file("pids"), "utf8")) as number[]).map(
      (pid) => processIdentity(pid) !== undefined,
    );

  it("end when the run is stopped, with all that they started, and the exit steps still run", async () => {
    await deploy(hanging("stopped", 600));
    const stop = new AbortController();
    const running = start("stopped", {}, { stop: stop.signal, graceMs: 200 });
    await vi.waitFor(() => expect(existsSync(file("pids"))).toBe(true), patience);
    await vi.waitFor(() => expect(alive()).toEqual([true, true]), patience);
    stop.abort();
    const finished = await running;
    expect(phases(finished)).toEqual({ hang: "Failed", "exit.tell": "Succeeded" });
    expect(alive()).toEqual([false, false]);
    expect(report("tell.json").status).toBe("Failed");
  });

  it("end at their deadline", async () => {
    await deploy(hanging("late", 1));
    const finished = await start("late", {}, { graceMs: 200 });
    expect(finished.nodes.hang).toMatchObject({ phase: "Failed", message: "took longer than its 1 s" });
    await vi.waitFor(() => expect(alive()).toEqual([false, false]), patience);
  });
});

describe("bad input is refused before anything runs", () => {
  beforeAll(() => deploy(pipelineOf("plain", (flow) => void flow.add("only", { ...small, runs: "none" }))));

  it("an unknown pipeline, with the known ones", async () => {
    await expect(start("absent")).rejects.toThrow(/there is no pipeline "absent"; pipelines: .*plain/);
  });

  it("unknown parameters and wrong values, together", async () => {
    await expect(start("plain", { word: "stone", other: "1" })).rejects.toThrow(
      '"other" is unknown; parameters: word\n  - word=stone: must be one of clay, wood',
    );
    expect(existsSync(file("runs"))).toBe(false);
  });

  it("a template with what the runner does not support, by name", async () => {
    const { template } = compile(
      pipelineOf("fancy", (flow) => void flow.add("only", small)),
      place,
    );
    const fancy = structuredClone(template) as unknown as {
      spec: Record<string, unknown> & { templates: object[] };
    };
    fancy.spec.synchronization = { mutexes: [{ name: "one" }] };
    fancy.spec.templates.push({ name: "approve", suspend: {} });
    await cluster.apply(fancy);
    await expect(start("fancy")).rejects.toThrow(
      "spec.templates[2].suspend: the runner does not support this field\n" +
        "  - spec.synchronization: the runner does not support this field",
    );
  });

  it("a Secret that is missing, and services that do not answer", async () => {
    const template = compile(
      pipelineOf("poor", (flow) => void flow.add("only", small)),
      {
        ...place,
        objectStoreSecret: "absent",
      },
    ).template;
    await cluster.apply(template);
    await expect(start("poor")).rejects.toThrow('secret "absent" does not exist');
    const namespace = {
      name: "pipelines",
      secret: (name: string) => cluster.namespace.secret(name),
      configMap: async () => ({
        MLFLOW_TRACKING_URI: "http://127.0.0.1:9",
        AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9",
      }),
    };
    await expect(start("plain", {}, { namespace })).rejects.toThrow(
      /MLflow does not answer at http:\/\/127\.0\.0\.1:9[\s\S]*the object store does not answer/,
    );
  });

  it("an image that nothing here stands for", async () => {
    await expect(start("plain", {}, { interpreterOf: () => undefined })).rejects.toThrow(
      `nothing on this machine stands for image ${place.images.deployment}`,
    );
  });
});

describe("where pods are real", () => {
  const patchStatus = (name: string, status: object): Promise<string> =>
    cluster.kubectl(
      "-n",
      "pipelines",
      "patch",
      "workflow",
      name,
      "--type=merge",
      "-p",
      JSON.stringify({ status }),
    );
  const node = (phase: string): object => ({
    nodes: {
      n1: {
        id: "n1",
        displayName: "only",
        type: "Pod",
        phase,
        startedAt: "2026-01-01T00:00:00Z",
        finishedAt: null,
      },
    },
  });

  it("the workflow is submitted and followed to its end; a stop is passed on", async () => {
    await deploy(pipelineOf("followed", (flow) => void flow.add("only", small)));
    const stop = new AbortController();
    const changes: [string, NodeState["phase"]][] = [];
    const { promise: name, resolve } = Promise.withResolvers<string>();
    const result = submit(
      await cluster.namespace.template("followed"),
      { word: "wood" },
      {
        namespace: cluster.namespace,
        stop: stop.signal,
        stopExit: new AbortController().signal,
        onStart: resolve,
        onChange: (one, { phase }) => changes.push([one, phase]),
      },
    );
    const submitted = await name;
    const get = async (): Promise<{ spec: Record<string, unknown> }> =>
      JSON.parse(await cluster.kubectl("-n", "pipelines", "get", "workflow", submitted, "-o", "json"));
    expect((await get()).spec).toEqual({
      workflowTemplateRef: { name: "followed" },
      arguments: { parameters: [{ name: "word", value: "wood" }] },
    });
    await patchStatus(submitted, { phase: "Running", ...node("Running") });
    await vi.waitFor(() => expect(changes).toEqual([["only", "Running"]]), patience);
    stop.abort();
    await vi.waitFor(async () => expect((await get()).spec.shutdown).toBe("Stop"), patience);
    await patchStatus(submitted, { phase: "Failed", ...node("Failed") });
    expect(await result).toBe("Failed");
    expect(changes.at(-1)).toEqual(["only", "Failed"]);
  });
});
