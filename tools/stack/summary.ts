/** What `make up` prints when the platform is up, from the stack's plain outputs. */

export interface StackOutputs {
  readonly cluster?: string;
  readonly urls?: Readonly<Record<string, { readonly url?: string; readonly portForward?: string }>>;
  readonly simulated?: readonly string[];
  readonly standIns?: readonly string[];
  readonly requested?: { readonly cpu: number; readonly memoryGiB: number };
  readonly nextSteps?: readonly string[];
}

/** Lines for a terminal; a single one for a stack that has no outputs. */
export function summarize(outputs: StackOutputs): string[] {
  if (outputs.cluster === undefined) return ["The local stack is not up; `make up` brings it up."];
  const lines: string[] = ["", `The platform is up on cluster \`${outputs.cluster}\`.`];
  const urls = Object.entries(outputs.urls ?? {});
  if (urls.length > 0) {
    const width = Math.max(...urls.map(([name]) => name.length));
    lines.push("", "Dashboards and APIs:");
    for (const [name, { url, portForward }] of urls) {
      lines.push(`  ${name.padEnd(width)}  ${url ?? `run: ${portForward}`}`);
    }
  }
  lines.push("", "Credentials:", "  pulumi stack output credentials --show-secrets --stack local");
  const simulated = outputs.simulated ?? [];
  if (simulated.length > 0) {
    lines.push("", "Simulated (Kubernetes sees them, no container runs):", ...wrap(simulated));
  }
  const standIns = outputs.standIns ?? [];
  if (standIns.length > 0) {
    lines.push("", "Stand-ins for Pulumi plugins that could not be had here:", ...wrap(standIns));
  }
  if (outputs.requested !== undefined) {
    const { cpu, memoryGiB } = outputs.requested;
    lines.push("", `All systems together request ${cpu} CPU and ${memoryGiB} GiB of memory.`);
  }
  const steps = outputs.nextSteps ?? [];
  if (steps.length > 0) lines.push("", "Next:", ...steps.map((step) => `  ${step}`));
  return lines;
}

function wrap(items: readonly string[]): string[] {
  const lines: string[] = [];
  let line = " ";
  for (const [index, item] of items.entries()) {
    const word = `${item}${index < items.length - 1 ? "," : ""}`;
    if (line.length + word.length > 98) {
      lines.push(line);
      line = " ";
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
