import * as command from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";

export interface DrainArgs {
  readonly kubeconfig: pulumi.Input<string>;
  /** kubectl commands that start the removal. */
  readonly remove: readonly string[];
  /** kubectl commands that print what is not gone yet, one a line. */
  readonly remaining: readonly string[];
  readonly timeoutSeconds: number;
  /** What to say when the time is up. */
  readonly hint: string;
}

/**
 * Does nothing until the stack is destroyed; then removes objects whose controllers hold something in AWS,
 * and waits until they have let go of it.
 *
 * It belongs between the two: whatever makes such objects depends on it, it depends on the controller.
 */
export function drainAtDestroy(
  name: string,
  args: DrainArgs,
  opts: pulumi.CustomResourceOptions,
): command.local.Command {
  return new command.local.Command(
    name,
    {
      delete: drainScript(args),
      environment: { KUBECONFIG_CONTENT: args.kubeconfig },
      logging: "stderr",
    },
    { ...opts, customTimeouts: { delete: `${args.timeoutSeconds + 60}s` } },
  );
}

/** The script, on its own so that it can be run in a test. */
export function drainScript(args: Omit<DrainArgs, "kubeconfig">): string {
  return [
    "set -eu",
    "file=$(mktemp); trap 'rm -f \"$file\"' EXIT",
    'printf "%s" "$KUBECONFIG_CONTENT" >"$file"',
    'k() { kubectl --kubeconfig "$file" "$@"; }',
    ...args.remove.map((line) => `k ${line} >&2`),
    `deadline=$(($(date +%s) + ${args.timeoutSeconds}))`,
    "while :; do",
    // An answer that cannot be had is not an empty one: each command's failure ends the script.
    '  left=""',
    ...args.remaining.map((line) => `  more=$(k ${line}); left="$left$more"`),
    '  [ -n "$left" ] || exit 0',
    '  if [ "$(date +%s)" -ge "$deadline" ]; then',
    `    echo "${args.hint}; then run pulumi destroy again. Left:" >&2`,
    '    echo "$left" >&2',
    "    exit 1",
    "  fi",
    "  sleep 5",
    "done",
  ].join("\n");
}
