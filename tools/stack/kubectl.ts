import type { LocalConfig } from "../../config/schema.ts";
import { shellQuoted } from "../lib/shell.ts";

/**
 * How a person calls kubectl for the existing cluster: the current context of a shell may be another cluster's.
 * Works in the project's folder, which a relative path is relative to.
 */
export function kubectlFor({ kubeconfig, context }: Pick<LocalConfig, "kubeconfig" | "context">): string {
  return [
    "kubectl",
    ...(kubeconfig === undefined ? [] : ["--kubeconfig", shellWord(kubeconfig)]),
    ...(context === undefined ? [] : ["--context", shellWord(context)]),
  ].join(" ");
}

/** A word for a shell; quoted only where it must be, so that `~/` still means the home folder. */
function shellWord(text: string): string {
  return /^(~\/)?[\w@%+=:,./-]+$/.test(text) ? text : shellQuoted(text);
}
