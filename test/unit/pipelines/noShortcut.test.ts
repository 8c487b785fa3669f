import { describe, expect, it } from "vitest";
import { compile } from "../../../pipelines/builder/index.ts";
import { pipelines } from "../../../pipelines/index.ts";
import { type Behaviour, execute, fails, type Outcome } from "../runner/fakes.ts";
import { place } from "./fixtures.ts";

/** What every step of a pipeline leaves when all goes well. */
const writesAll: Behaviour = ({ outputs }) => ({
  phase: "Succeeded",
  exitCode: 0,
  outputs: {
    parameters: Object.fromEntries(outputs.parameters.map(({ name }) => [name, "1"])),
    artifacts: Object.fromEntries(outputs.artifacts.map(({ name }) => [name, name])),
  },
});

/** Runs a pipeline as it is compiled, with steps that do nothing but succeed, save one. */
async function runWith(name: string, broken?: string): Promise<Outcome> {
  const pipeline = pipelines.find((one) => one.name === name);
  if (pipeline === undefined) throw new Error(`no pipeline ${name}`);
  const steps = [
    ...pipeline.flow.steps,
    ...pipeline.exitFlow.steps.map((step) => ({ ...step, name: `exit.${step.name}` })),
  ];
  const behaviours = Object.fromEntries(steps.map((step) => [step.name, writesAll]));
  if (broken !== undefined) behaviours[broken] = () => fails(3);
  const parameters = Object.fromEntries(
    Object.entries(pipeline.parameters).map(([key, { default: value }]) => [key, String(value ?? "1")]),
  );
  return execute(compile(pipeline, place).template.spec, behaviours, { parameters });
}

const startedSteps = ({ started }: Outcome): string[] => [...new Set(started.map(({ node }) => node))];

describe.each(["mnist", "search", "image-classification"])("%s", (name) => {
  it.each([
    "train",
    "evaluate",
    "gate-accuracy",
    "export-onnx",
    "measure-onnx",
    "gate-parity",
  ])("chooses nothing for deployment unless %s succeeded", async (broken) => {
    const outcome = await runWith(name, broken);
    const changing = ["register-deploy", "resolve", "claim-version", "upload", "load", "commit"];
    expect(startedSteps(outcome).filter((step) => changing.includes(step))).toEqual([]);
    expect(startedSteps(outcome)).toContain("exit.tell-failure");
    expect(outcome.status).toBe("Failed");
  });

  it("chooses it, and tells of the success, when all succeeded", async () => {
    const outcome = await runWith(name);
    expect(outcome.status).toBe("Succeeded");
    expect(startedSteps(outcome)).toContain("register-deploy");
    expect(startedSteps(outcome)).toContain("exit.tell-success");
    expect(startedSteps(outcome)).not.toContain("withdraw");
  });
});

describe("llm", () => {
  const gates = [
    "train",
    "measure-loss",
    "gate-loss",
    "register-candidate",
    "claim-version",
    "metadata",
    "upload",
    "load",
    "smoke",
    "evaluate",
    "gate-evaluation",
    "measure-performance",
    "gate-performance",
    "canary",
  ];
  it.each(gates)("makes nothing live unless %s succeeded, and takes back what was staged", async (broken) => {
    const outcome = await runWith("llm", broken);
    expect(outcome.status).toBe("Failed");
    const later = ["register-candidate", "load", "canary", "commit"];
    const reached = startedSteps(outcome).filter((step) => later.includes(step));
    expect(
      reached.every((step) => gates.indexOf(step) >= 0 && gates.indexOf(step) <= gates.indexOf(broken)),
    ).toBe(true);
    const claimed = gates.indexOf(broken) > gates.indexOf("claim-version");
    expect(startedSteps(outcome).includes("withdraw")).toBe(claimed);
  });

  it("goes live when all succeeded", async () => {
    const outcome = await runWith("llm");
    expect(outcome.status).toBe("Succeeded");
    expect(startedSteps(outcome)).toContain("commit");
    expect(startedSteps(outcome)).not.toContain("withdraw");
  });

  it("is not ended well by what cleans up", async () => {
    const outcome = await runWith("llm-promote", "canary");
    expect(outcome.status).toBe("Failed");
    expect(startedSteps(outcome)).toContain("end-canary");
    expect(startedSteps(outcome)).not.toContain("commit");
    expect((await runWith("llm-promote")).status).toBe("Succeeded");
    expect((await runWith("llm-deploy", "smoke")).status).toBe("Failed");
  });
});

describe.each(["deploy", "image-classification"])("a deployment by %s", (name) => {
  it.each([
    "metadata",
    "upload",
    "load",
    "functional-test",
    "commit",
  ])("that fails at %s is taken back, and nothing is live that was not tested", async (broken) => {
    const outcome = await runWith(name, broken);
    expect(startedSteps(outcome)).toContain("withdraw");
    if (broken !== "commit") expect(startedSteps(outcome)).not.toContain("commit");
    expect(outcome.status).toBe("Failed");
  });

  it("that could not claim a version has nothing to take back", async () => {
    const outcome = await runWith(name, "claim-version");
    expect(startedSteps(outcome)).not.toContain("withdraw");
    expect(outcome.status).toBe("Failed");
  });
});
