import * as command from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { ClusterTarget } from "../target.ts";
import type { KubernetesObject } from "./system.ts";

export interface Leftovers {
  /** CRDs of the charts' crds/ folders, which Helm never removes; names. */
  readonly crds: readonly string[];
  /** What operators make outside of their releases. */
  readonly objects: readonly KubernetesObject[];
}

/**
 * Removes, at destroy and after every release is gone, what uninstalling leaves behind. What was on the
 * cluster before the stack came is not ours and stays.
 */
export function removeAtDestroy(
  target: ClusterTarget,
  leftovers: Leftovers,
  opts: pulumi.CustomResourceOptions,
): command.local.Command {
  const withKubectl = (script: readonly string[]): string =>
    [
      "set -eu",
      "file=$(mktemp); trap 'rm -f \"$file\"' EXIT",
      'printf "%s" "$KUBECONFIG_CONTENT" >"$file"',
      'kubectl() { command kubectl --kubeconfig "$file" --context "$KUBE_CONTEXT" "$@"; }',
      ...script,
    ].join("\n");
  const each = (action: string): string =>
    `for item in $ITEMS; do namespace=\${item%%:*}; object=\${item#*:}; ${action}; done`;
  // Unset, not empty, when nothing was there.
  const before = `"\${PULUMI_COMMAND_STDOUT:-}"`;
  return new command.local.Command(
    "remove-leftovers",
    {
      // What is there first was made by others: it is printed, remembered as this command's output,
      // and spared by the deletion.
      create: withKubectl([
        each('kubectl get "$object" --namespace "$namespace" --ignore-not-found -o name | sed "s|^|$item |"'),
      ]),
      // A changed list must not forget what was there before.
      update: `printf "%s" ${before}`,
      delete: withKubectl([
        each(
          `case ${before} in *"$item "*) ;; *) ` +
            'kubectl delete "$object" --namespace "$namespace" --ignore-not-found --timeout=60s >&2 ;; esac',
        ),
      ]),
      environment: {
        KUBECONFIG_CONTENT: target.kubeconfig,
        KUBE_CONTEXT: target.kubeContext ?? "",
        ITEMS: [
          ...leftovers.objects.map(({ namespace, object }) => `${namespace}:${object}`),
          ...leftovers.crds.map((name) => `default:customresourcedefinition/${name}`),
        ].join(" "),
      },
      logging: "stderr",
    },
    opts,
  );
}
