import { differs, equals, type Flow, type Reference, run } from "../builder/index.ts";
import { decides } from "./sizes.ts";

/** Secret with MLOPS_NOTIFY_URL and MLOPS_NOTIFY_FORMAT; without it nobody is told. */
export const notificationsSecret = "notifications";

/** Tells people how a run ended: by what event a success is called. */
export function addNotifications(
  flow: Flow,
  model: Reference,
  success: "promoted" | "rolled-back" | "succeeded",
): void {
  const tells = {
    ...decides,
    role: "training",
    runs: "notify",
    optionalSecrets: [notificationsSecret],
  } as const;
  flow.add("tell-success", {
    ...tells,
    parameters: { event: success, model },
    when: equals(run.status, "Succeeded"),
  });
  flow.add("tell-failure", {
    ...tells,
    parameters: { event: "failed", model, message: run.failures },
    when: differs(run.status, "Succeeded"),
  });
}
