import { stringify } from "yaml";

/** Name of the cluster, and of its context, in kubeconfigs. */
export const contextName = "mlops-embedded";

/**
 * A kubeconfig for one user.
 *
 * @param server URL of the API server.
 * @param authority PEM certificate that has signed the API server's.
 * @param credentials The user's entry: a token, or paths of a client certificate and its key.
 */
export function kubeconfig(
  server: string,
  authority: string,
  user: string,
  credentials: Readonly<Record<string, string>>,
): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: contextName,
        cluster: { server, "certificate-authority-data": Buffer.from(authority).toString("base64") },
      },
    ],
    users: [{ name: user, user: credentials }],
    contexts: [{ name: contextName, context: { cluster: contextName, user } }],
    "current-context": contextName,
  });
}
