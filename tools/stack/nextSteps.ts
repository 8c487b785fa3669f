import type { Config } from "../../config/schema.ts";
import { kubectlFor } from "./kubectl.ts";

/** What a user may want to do once the platform is up: commands that work after `. ./env`. */
export function stepsAfter(config: Config): string[] {
  if (config.environment === "aws") {
    const addToKubeconfig = "$(pulumi stack output updateKubeconfig --stack aws)";
    return [". ./env", addToKubeconfig, "kubectl get pods --all-namespaces", "pulumi destroy --stack aws"];
  }
  const kubeconfig =
    config.cluster === "existing"
      ? `${kubectlFor(config)} get pods --all-namespaces`
      : // The file holds an administrator's credentials.
        "(umask 077 && pulumi stack output kubeconfig --show-secrets --stack local > .mlops/kubeconfig) && " +
        "kubectl --kubeconfig .mlops/kubeconfig get pods --all-namespaces";
  return [". ./env", kubeconfig, "make status", "make down"];
}
