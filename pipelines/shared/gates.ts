import { type Flow, type Reference, type Step, succeeded, type Value } from "../builder/index.ts";
import { decides, measures } from "./sizes.ts";

export interface TrainedModel {
  /** Stable name that clients ask for. */
  readonly model: Reference;
  readonly registeredModel: Reference;
  readonly registeredVersion: Reference;
  readonly dataset: Reference;
}

/**
 * Both gates for a model that was just trained: accurate enough and better than what is live, and exported without
 * change. Only then it is chosen for deployment.
 *
 * @returns the last step; nothing after it may run unless it succeeded.
 */
export function addGates(flow: Flow, trained: TrainedModel): Step {
  const { model, registeredModel, registeredVersion, dataset } = trained;
  const version: Record<string, Value> = {
    "registered-model": registeredModel,
    "model-version": registeredVersion,
    dataset,
  };
  const live = flow.add("show-live", {
    ...decides,
    runs: "show-live",
    parameters: { model },
    outputs: ["registered-version"],
  });
  const evaluated = flow.add("evaluate", {
    ...measures,
    runs: "evaluate",
    parameters: { ...version, "live-version": live.outputs["registered-version"] },
    artifacts: ["measurements"],
  });
  const gate1 = flow.add("gate-accuracy", {
    ...decides,
    runs: "gate-accuracy",
    parameters: { model },
    inputs: { measurement: evaluated.artifacts.measurements },
  });
  const exported = flow.add("export-onnx", {
    ...measures,
    runs: "export_onnx",
    parameters: version,
    after: [succeeded(gate1)],
  });
  const measured = flow.add("measure-onnx", {
    ...measures,
    runs: "measure_onnx",
    parameters: version,
    artifacts: ["measurements"],
    after: [succeeded(exported)],
  });
  const gate2 = flow.add("gate-parity", {
    ...decides,
    runs: "gate-parity",
    inputs: { measurement: measured.artifacts.measurements },
  });
  return flow.add("register-deploy", {
    ...decides,
    runs: "register-deploy",
    parameters: { model, "registered-model": registeredModel, "registered-version": registeredVersion },
    after: [succeeded(gate1), succeeded(gate2)],
  });
}
