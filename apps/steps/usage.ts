import type { Step } from "./lib/step.ts";

/** All steps, a line each. */
export function usage(steps: readonly Step[]): string {
  const width = Math.max(...steps.map(({ name }) => name.length));
  const lines = steps.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`);
  return `Usage: node apps/steps/main.ts STEP --flag value ...

Steps of the deployment workflows. Each can run again at any time.

${lines.join("\n")}

STEP --help shows a step's flags and outputs. Exit code: 0 done; 1 failed, may be tried again; 2 bad input;
3 a gate or the state of the model says no.
`;
}

/** Flags and outputs of one step. */
export function usageOf({ name, about, flags, outputs }: Step): string {
  const rows = [
    ...Object.entries(flags).map(([flag, { about: what, fallback }]) => [
      `--${flag}`,
      fallback === undefined ? what : `${what} (default: ${fallback.shown})`,
    ]),
    ...Object.entries(outputs).map(([output, what]) => [`--output-${output} PATH`, what]),
  ] as [string, string][];
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  return `${name}: ${about}\n\n${rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("")}`;
}

/** The table of steps in README.md. */
export function markdownTable(steps: readonly Step[]): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  const rows = steps.map(({ name, about, flags, outputs }) => {
    const takes = Object.entries(flags).map(([flag, { fallback }]) =>
      fallback === undefined ? `\`--${flag}\`` : `\`--${flag}\` (${fallback.shown})`,
    );
    const gives = Object.keys(outputs).map((output) => `\`${output}\``);
    return `| \`${name}\` | ${cell(about)} | ${takes.join(", ")} | ${gives.join(", ")} |`;
  });
  return [
    "| step | what it does | flags (default) | outputs |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}
