/** The local stack of a workspace. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { parseState, type StackState, type StateResource } from "../../tools/stack/stateFile.ts";
import type { StackOutputs } from "../../tools/stack/summary.ts";
import type { CommandResult } from "./command.ts";
import type { Workspace } from "./workspace.ts";

/** The state as it lies on the disk; a stack without any update yet has no resources. */
export function stateOf(workspace: Workspace): StackState {
  const file = workspace.path(".mlops", "state", ".pulumi", "stacks", "mlops", "local.json");
  return parseState(readFileSync(file, "utf8"), file);
}

/** Which resources there are and when each was last changed; secrets are encrypted anew at each update. */
function historyOf(workspace: Workspace): string[] {
  const resources = stateOf(workspace).resources as readonly (StateResource & Record<string, unknown>)[];
  // The stack itself is no resource of anybody's: every update records it.
  const made = resources.filter(({ type }) => type !== "pulumi:pulumi:Stack");
  return made.map(({ urn, id, modified }) => `${urn} ${id} ${modified}`).sort();
}

export type PlainOutputs = StackOutputs & Readonly<Record<string, unknown>>;

export interface RevealedOutputs extends StackOutputs {
  readonly kubeconfig?: string;
  /** What a person logs in with, by system. */
  readonly credentials?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** The outputs as any user may see them. */
export async function outputsOf(workspace: Workspace): Promise<PlainOutputs> {
  const shown = await succeed(workspace.inEnv("pulumi stack output --json --stack local"));
  return JSON.parse(shown.stdout) as PlainOutputs;
}

/** All outputs in plain; what the command prints is not kept. */
export async function revealedOutputsOf(workspace: Workspace): Promise<RevealedOutputs> {
  const command = "pulumi stack output --json --show-secrets --stack local";
  const shown = await workspace.inEnv(command, { reveals: true });
  expect(shown.code).toBe(0);
  return JSON.parse(shown.stdout) as RevealedOutputs;
}

/** Asserts exit status 0. */
export async function succeed(result: Promise<CommandResult>): Promise<CommandResult> {
  const ended = await result;
  expect(ended.code, ended.output).toBe(0);
  return ended;
}

/** Asserts that nothing would be changed. */
export async function expectNoChanges(workspace: Workspace): Promise<void> {
  const preview = await succeed(workspace.inEnv("pulumi preview --expect-no-changes --stack local"));
  expect(preview.output).toMatch(/Resources:\s+\d+ unchanged\s/);
}

/**
 * Asserts that a command fails with a message and has changed no resource.
 *
 * @returns what it said.
 */
export async function expectRefused(
  workspace: Workspace,
  result: Promise<CommandResult>,
  ...messages: (string | RegExp)[]
): Promise<string> {
  const before = historyOf(workspace);
  const { code, output } = await result;
  for (const message of messages) expect(output).toMatch(message);
  expect(code, output).not.toBe(0);
  // A stack trace is no message.
  expect(output).not.toMatch(/\n\s+at .*\.ts:\d+/);
  expect(historyOf(workspace)).toEqual(before);
  return output;
}
