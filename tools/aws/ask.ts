import { ExecError, exec } from "../lib/exec.ts";

/** Asks AWS through its command line, with the user's own credentials; answers in JSON, `undefined` for none. */
export type Ask = (...args: readonly string[]) => Promise<unknown>;

/** AWS refused, or could not be asked. */
export class AwsError extends Error {
  override readonly name = "AwsError";
  /** AWS's own word for it, such as `AccessDenied`; undefined where AWS did not answer. */
  readonly code: string | undefined;
  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

const timeoutMs = 30_000;

/** @param region asked wherever a service has regions. */
export function askAws(region: string): Ask {
  return async (...args) => {
    try {
      const { stdout } = await exec("aws", [...args, "--region", region, "--output", "json"], {
        timeoutMs,
        // A pager would wait for a key.
        env: { AWS_PAGER: "" },
      });
      return stdout.trim() === "" ? undefined : JSON.parse(stdout);
    } catch (error) {
      if (!(error instanceof ExecError)) throw error;
      const code = /An error occurred \((\w+)\)/.exec(error.stderr)?.[1];
      throw new AwsError(error.stderr.trim().split("\n").at(-1) || error.message, code);
    }
  };
}

/** Version of the aws CLI on PATH, or undefined without one. */
export async function cliVersion(): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await exec("aws", ["--version"], { timeoutMs });
    return /aws-cli\/(\d+\.\d+\.\d+)/.exec(`${stdout}${stderr}`)?.[1];
  } catch (error) {
    if (error instanceof ExecError) return undefined;
    throw error;
  }
}
