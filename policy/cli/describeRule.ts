import type { Rule, StackRule } from "../rules/types.ts";

/** A rule for people: name and level, what it asks for, and its settings with their defaults. */
export function describeRule({ name, level, description, configSchema }: Rule | StackRule): string {
  const settings = Object.entries(configSchema.properties).map(
    ([knob, schema]) => `    ${knob}: ${schema.description} (${JSON.stringify(schema.default)})\n`,
  );
  return `${name} (${level})\n    ${description}\n${settings.join("")}`;
}
