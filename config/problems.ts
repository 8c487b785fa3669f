import * as pulumi from "@pulumi/pulumi";

export interface ConfigProblem {
  /** Full key, e.g. `mlops:size`, with a path inside structured values. */
  readonly key: string;
  /** The value as configured, or undefined when it is missing or secret. */
  readonly value: string | undefined;
  /** What is wrong and what is allowed. */
  readonly message: string;
}

/** Every problem of a stack's configuration; printed without a stack trace by the Pulumi CLI. */
export class ConfigError extends pulumi.RunError {
  readonly problems: readonly ConfigProblem[];
  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(
      ({ key, value, message }) => `  ${key}${value === undefined ? "" : ` = ${value}`}: ${message}`,
    );
    super(
      `the configuration has ${problems.length} problem(s); nothing was changed.\n${lines.join("\n")}\n` +
        "Set a key with `pulumi config set`, remove one with `pulumi config rm`; every key is described in Pulumi.yaml.",
    );
    this.problems = problems;
  }
}
