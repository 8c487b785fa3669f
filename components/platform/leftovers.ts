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

/** What finds and removes them: POSIX shell, for a KUBECONFIG_CONTENT and a KUBE_CONTEXT, empty for the current one. */
export interface LeftoverScripts {
  /** Prints what is there first. It was made by others: this output is remembered. */
  readonly create: string;
  /** Prints what was remembered: a changed list must not forget it. */
  readonly update: string;
  /** Removes what is there but for what PULUMI_COMMAND_STDOUT, the remembered output, names. */
  readonly delete: string;
  readonly environment: Readonly<Record<"NAMESPACES" | "ITEMS", string>>;
}

export function leftoverScripts({ crds, objects }: Leftovers): LeftoverScripts {
  const items = [
    ...objects,
    ...crds.map((name) => ({ namespace: "default", object: `customresourcedefinition/${name}` })),
  ];
  // Unset, not empty, when nothing was there.
  const before = `"\${PULUMI_COMMAND_STDOUT:-}"`;
  return {
    create: inEachNamespace([
      'objects=$(echo "$items" | cut -d: -f2)',
      'found=$(kubectl get $objects --namespace "$namespace" --ignore-not-found -o name)',
      // As asked for, without the API group that kubectl adds to the kind.
      'echo "$found" | sed -En "s#^([^./]+)([.][^/]+)?/(.+)#$namespace:\\1/\\3 |&#p"',
    ]),
    update: `printf "%s" ${before}`,
    delete: inEachNamespace([
      "ours=",
      `for item in $items; do case ${before} in *"$item "*) ;; *) ours="$ours \${item#*:}" ;; esac; done`,
      '[ -z "$ours" ] ||',
      '  kubectl delete $ours --namespace "$namespace" --ignore-not-found --timeout=120s >&2',
    ]),
    environment: {
      NAMESPACES: [...new Set(items.map(({ namespace }) => namespace))].join(" "),
      ITEMS: items.map(({ namespace, object }) => `${namespace}:${object}`).join(" "),
    },
  };
}

/** One call of kubectl for each namespace: releases wait for it, and it takes a third of a second to start. */
function inEachNamespace(actions: readonly string[]): string {
  return [
    "set -eu",
    "file=$(mktemp); trap 'rm -f \"$file\"' EXIT",
    'printf "%s" "$KUBECONFIG_CONTENT" >"$file"',
    'kubectl() { command kubectl --kubeconfig "$file" --context "$KUBE_CONTEXT" "$@"; }',
    "for namespace in $NAMESPACES; do",
    '  items=$(printf "%s\\n" $ITEMS | grep "^$namespace:")',
    ...actions.map((action) => `  ${action}`),
    "done",
  ].join("\n");
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
  const { environment, ...scripts } = leftoverScripts(leftovers);
  return new command.local.Command(
    "remove-leftovers",
    {
      ...scripts,
      environment: {
        ...environment,
        KUBECONFIG_CONTENT: target.kubeconfig,
        KUBE_CONTEXT: target.kubeContext ?? "",
      },
      logging: "stderr",
    },
    opts,
  );
}
