import { retry, TransientError } from "@mlops/mlflow";
import { modelName, oneOf, optionalText } from "../lib/flags.ts";
import { formatNotification } from "../lib/notification.ts";
import { defineStep } from "../lib/step.ts";

const REQUEST_TIMEOUT_MS = 10_000;
const policy = { deadlineMs: 20_000, firstDelayMs: 500, maximumDelayMs: 5_000 };

export const notify = defineStep({
  name: "notify",
  about:
    "Tells people by a webhook of Slack or Discord (MLOPS_NOTIFY_URL); without one it says so and is done.",
  flags: {
    event: oneOf("what happened", ["promoted", "rolled-back", "failed", "succeeded"]),
    model: modelName,
    "served-name": optionalText("version that it is about"),
    message: optionalText("more, in a sentence"),
  },
  outputs: {},
  run: async (context, { event, model, message, "served-name": name }) => {
    const { environment } = context;
    const url = environment.optional("MLOPS_NOTIFY_URL");
    if (url === undefined) {
      context.log("MLOPS_NOTIFY_URL is not set: nobody is told");
      return;
    }
    const workflow = environment.optional("MLOPS_WORKFLOW");
    const format = environment.optional("MLOPS_NOTIFY_FORMAT") ?? "slack";
    const body = formatNotification(format, { event, model, servedName: name, workflow, message });
    await retry(() => post(url, body), policy);
    context.log(`${format} is told`);
  },
});

/** The address is a secret and stands in no error. */
async function post(url: string, body: unknown): Promise<void> {
  let answer: Response;
  try {
    answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
  } catch {
    throw new TransientError("the webhook cannot be reached");
  }
  await answer.body?.cancel();
  if (answer.ok) return;
  const problem = `the webhook answers ${answer.status}`;
  if (answer.status >= 500 || answer.status === 429) throw new TransientError(problem);
  throw new Error(`${problem}; check MLOPS_NOTIFY_URL and MLOPS_NOTIFY_FORMAT`);
}
