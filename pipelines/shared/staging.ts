/** What a deployment has in common on every server: from the chosen version to the one that every replica holds. */
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

export interface Chosen {
  /** Stable name that clients ask for. */
  readonly model: Reference;
  /** The registered version that must be meant; whatever is chosen for deployment if it is not given. */
  readonly registeredVersion?: Value | undefined;
  readonly after?: readonly Condition[] | undefined;
}

export interface Loaded {
  readonly version: Reference;
  /** The step that claimed the version. */
  readonly claimed: Step;
  /** Those after the claim, in their order. */
  readonly steps: readonly Step[];
  /** The one that waits until every replica holds the version. */
  readonly last: Step;
}

/** What steps on a claimed version run as: a failure takes back what they did, so a resumed run does it again. */
export const staged = { ...decides, rerun: true } as const;

/**
 * Fetches what is chosen, claims a number, and takes the version to every replica: metadata, upload, load. Old versions
 * make room beside that: before the upload, which may need it, and where a failure has changed nothing yet.
 */
export function addLoading(flow: Flow, { model, registeredVersion, after }: Chosen): Loaded {
  const chosen = flow.add("resolve", {
    ...decides,
    runs: "resolve",
    parameters: {
      model,
      ...(registeredVersion === undefined ? {} : { "registered-version": registeredVersion }),
    },
    outputs: ["registered-version"],
    ...(after === undefined ? {} : { after }),
  });
  const cleared = flow.add("remove-old-versions", {
    ...decides,
    runs: "remove-old-versions",
    parameters: { model },
    after: [succeeded(chosen)],
  });
  const claimed = flow.add("claim-version", {
    ...decides,
    runs: "claim-version",
    parameters: { model, "registered-version": chosen.outputs["registered-version"] },
    outputs: ["version"],
  });
  const { version } = claimed.outputs;
  const step = { ...staged, parameters: { model, version } } as const;
  const described = flow.add("metadata", { ...step, runs: "metadata" });
  const uploaded = flow.add("upload", {
    ...step,
    runs: "upload",
    after: [succeeded(described), succeeded(cleared)],
  });
  const last = flow.add("load", { ...step, runs: "load", after: [succeeded(uploaded)] });
  return { version, claimed, steps: [described, uploaded, last], last };
}

/**
 * Makes the candidate live, and shows it: the last step of the branch that must succeed, because a run whose only last
 * step cleaned up would count as a success.
 *
 * @returns the step that commits.
 */
export function addCommit(flow: Flow, model: Reference, version: Reference, after: Condition): Step {
  const committed = flow.add("commit", {
    ...staged,
    runs: "commit",
    parameters: { model, version },
    after: [after],
  });
  flow.add("live", { ...decides, runs: "show-live", parameters: { model }, after: [succeeded(committed)] });
  return committed;
}

/** Takes the candidate back when one of these steps failed. */
export function addWithdrawal(
  flow: Flow,
  model: Reference,
  { version, claimed }: Pick<Loaded, "version" | "claimed">,
  steps: readonly Step[],
): void {
  flow.add("withdraw", {
    ...staged,
    runs: "withdraw",
    parameters: { model, version },
    after: [succeeded(claimed), anyOf(...steps.map((step) => failed(step)))],
  });
}
