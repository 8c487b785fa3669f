import {
  anyOf,
  type Condition,
  type Flow,
  failed,
  type Reference,
  type Step,
  succeeded,
  type Value,
} from "../builder/index.ts";
import { decides } from "./sizes.ts";

export interface Deployment {
  /** Stable name that clients ask for. */
  readonly model: Reference;
  /** The registered version that must be meant; whatever is chosen for deployment if it is not given. */
  readonly registeredVersion?: Value;
  readonly after?: readonly Condition[];
}

/**
 * From the version that is chosen for deployment to the live one: fetch, claim a number, metadata, upload, load, test,
 * commit. The version before stays loaded; a failure leaves it live and takes back what was staged.
 */
export function addDeployment(flow: Flow, deployment: Deployment): void {
  const { model, registeredVersion, after } = deployment;
  const chosen = flow.add("resolve", {
    ...decides,
    runs: "resolve",
    parameters: {
      model,
      ...(registeredVersion === undefined ? {} : { "registered-version": registeredVersion }),
    },
    outputs: ["registered-model", "registered-version"],
    ...(after === undefined ? {} : { after }),
  });
  const claimed = flow.add("claim-version", {
    ...decides,
    runs: "claim-version",
    parameters: { model, "registered-version": chosen.outputs["registered-version"] },
    outputs: ["version"],
  });
  const version = { model, version: claimed.outputs.version };
  // What these did is taken back when a later one fails, so a resumed run does it again.
  const staged = { ...decides, parameters: version, rerun: true } as const;
  const described = flow.add("metadata", { ...staged, runs: "metadata" });
  const uploaded = flow.add("upload", { ...staged, runs: "upload", after: [succeeded(described)] });
  const loaded = flow.add("load", { ...staged, runs: "load", after: [succeeded(uploaded)] });
  const tested = flow.add("functional-test", {
    ...staged,
    runs: "functional-test",
    after: [succeeded(loaded)],
  });
  const committed = flow.add("commit", { ...staged, runs: "commit", after: [succeeded(tested)] });
  // The last step of the branch that must succeed: a run whose only last step took back would count as a success.
  flow.add("live", { ...decides, runs: "show-live", parameters: { model }, after: [succeeded(committed)] });
  const stages: Step[] = [described, uploaded, loaded, tested, committed];
  flow.add("withdraw", {
    ...decides,
    rerun: true,
    runs: "withdraw",
    parameters: version,
    after: [succeeded(claimed), anyOf(...stages.map((stage) => failed(stage)))],
  });
}
