import { type PropertyMap, secretTexts } from "../lib/values.ts";

/** A shorter secret hides nothing, but would tear other words apart. */
const shortestSecret = 3;

/**
 * Replaces what is secret in the properties wherever a command prints it: output is logged line by line, so
 * each line of a secret counts. Only diagnostics are changed, never what the state holds.
 */
export function redactor(...properties: readonly PropertyMap[]): (text: string) => string {
  const lines = properties.flatMap(secretTexts).flatMap((text) => text.split("\n"));
  const secrets = [...new Set(lines.map((line) => line.trim()))]
    .filter((line) => line.length >= shortestSecret)
    .sort((left, right) => right.length - left.length);
  return (text) => secrets.reduce((redacted, line) => redacted.replaceAll(line, "[secret]"), text);
}
