import * as command from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { ClusterTarget } from "../target.ts";

/**
 * Removes, at destroy and after every release is gone, the CRDs that Helm leaves behind (those of a
 * chart's crds/ folder). CRDs that were on the cluster before the stack came are not ours and stay.
 */
export function removeCrdsAtDestroy(
  target: ClusterTarget,
  crdNames: readonly string[],
  opts: pulumi.CustomResourceOptions,
): command.local.Command {
  const withKubeconfig = (script: string): string =>
    [
      "set -eu",
      "file=$(mktemp); trap 'rm -f \"$file\"' EXIT",
      'printf "%s" "$KUBECONFIG_CONTENT" >"$file"',
      'kubectl() { command kubectl --kubeconfig "$file" --context "$KUBE_CONTEXT" "$@"; }',
      script,
    ].join("\n");
  return new command.local.Command(
    "remove-crds",
    {
      // What is there first was made by others: it is printed, remembered as this command's output,
      // and spared by the deletion.
      create: withKubeconfig("kubectl get customresourcedefinitions $CRDS --ignore-not-found -o name"),
      // A changed list of CRDs must not forget which ones were there before.
      update: 'printf "%s" "$PULUMI_COMMAND_STDOUT"',
      delete: withKubeconfig(
        [
          "for crd in $CRDS; do",
          '  case "$PULUMI_COMMAND_STDOUT" in *"/$crd"*) ;; *)',
          '    kubectl delete customresourcedefinition "$crd" --ignore-not-found --timeout=60s >&2 ;;',
          "  esac",
          "done",
        ].join("\n"),
      ),
      environment: {
        KUBECONFIG_CONTENT: target.kubeconfig,
        KUBE_CONTEXT: target.kubeContext ?? "",
        CRDS: crdNames.join(" "),
      },
      logging: "stderr",
    },
    opts,
  );
}
