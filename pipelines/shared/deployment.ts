import { type Flow, succeeded } from "../builder/index.ts";
import { addCommit, addLoading, addWithdrawal, type Chosen, staged } from "./staging.ts";

/**
 * From the version that is chosen for deployment to the live one: fetch, claim a number, metadata, upload, load, test,
 * commit. The version before stays loaded; a failure leaves it live and takes back what was staged.
 */
export function addDeployment(flow: Flow, chosen: Chosen): void {
  const { model } = chosen;
  const loaded = addLoading(flow, chosen);
  const { version } = loaded;
  const tested = flow.add("functional-test", {
    ...staged,
    runs: "functional-test",
    parameters: { model, version },
    after: [succeeded(loaded.last)],
  });
  const committed = addCommit(flow, model, version, succeeded(tested));
  addWithdrawal(flow, model, loaded, [...loaded.steps, tested, committed]);
}
