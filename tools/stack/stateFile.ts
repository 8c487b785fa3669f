import { existsSync, readFileSync } from "node:fs";
import { ExecError, exec } from "../lib/exec.ts";
import { projectRoot } from "../lib/paths.ts";
import { fileBackendUrl, type StackName, stackStateFile, stateBackend } from "./paths.ts";

/** One resource of a state file, as far as the tools need it. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

export interface StackState {
  readonly resources: readonly StateResource[];
  /** Operations that were under way when an update was killed. */
  readonly pendingOperations: readonly { readonly type: string; readonly resource: StateResource }[];
  /** Salt of the passphrase secrets manager. */
  readonly salt: string | undefined;
}

const none: StackState = { resources: [], pendingOperations: [], salt: undefined };

/** Whether the stack's state lies in this checkout's file backend. */
export function usesFileBackend(): boolean {
  const url = process.env.PULUMI_BACKEND_URL;
  return url === undefined || url === "" || url === fileBackendUrl(stateBackend());
}

/** State of a stack in this checkout's file backend; empty when the stack does not exist. */
export function readState(stack: StackName): StackState {
  const file = stackStateFile(stack);
  if (!existsSync(file)) return none;
  return parseState(readFileSync(file, "utf8"), file);
}

/**
 * State of a stack in the backend in use, which PULUMI_BACKEND_URL may have moved; empty when the stack does not exist.
 * Another backend than this checkout's is asked through the CLI.
 *
 * @throws Error when the backend does not answer: a stack that cannot be seen must not pass for an empty one.
 */
export async function currentState(stack: StackName): Promise<StackState> {
  if (usesFileBackend()) return readState(stack);
  try {
    const { stdout } = await exec("pulumi", ["stack", "export", "--stack", stack], { cwd: projectRoot });
    return parseState(stdout, `the state of ${stack}`);
  } catch (error) {
    if (error instanceof ExecError && /no stack named/.test(error.stderr)) return none;
    throw error;
  }
}

/**
 * Reads a checkpoint as the file backend or `pulumi stack export` writes it.
 *
 * @throws Error naming `origin` when it is no checkpoint.
 */
export function parseState(text: string, origin: string): StackState {
  interface Deployment {
    resources?: StateResource[];
    pending_operations?: { type: string; resource: StateResource }[];
    secrets_providers?: { state?: { salt?: string } };
  }
  let document: { checkpoint?: { latest?: Deployment }; deployment?: Deployment };
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new Error(
      `${origin} is not readable as a Pulumi state (${(error as Error).message}); ` +
        "restore the .bak file beside it, or run `make down` to start over",
    );
  }
  const latest = document.checkpoint?.latest ?? document.deployment;
  return {
    resources: latest?.resources ?? [],
    pendingOperations: latest?.pending_operations ?? [],
    salt: latest?.secrets_providers?.state?.salt,
  };
}
