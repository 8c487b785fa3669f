/** Stands for an input that Pulumi does not know during a preview; the pack puts it where a value is unknown. */
export const UNKNOWN = "{{pulumi: not known before the update}}";

/** True for text that Argo or Pulumi fills in at run time, so that nothing can be said about it before. */
export function isRunTimeValue(value: unknown): boolean {
  return typeof value === "string" && value.includes("{{");
}
