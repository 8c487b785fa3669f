import { mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { copyCheckout } from "../../tools/lib/copyCheckout.ts";
import { cacheDir, projectRoot } from "../../tools/lib/paths.ts";
import { processIdentity } from "../../tools/lib/processIdentity.ts";
import { shellQuoted } from "../../tools/lib/shell.ts";
import { type CommandResult, type RunningCommand, startCommand } from "./command.ts";
import { killProcess, processesOf } from "./processes.ts";

export interface RunOptions {
  /** Variables added to the environment; `undefined` removes one. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** @default 300 s */
  readonly limitMs?: number;
  /** The command was asked to reveal secrets: what it says is not kept in the transcript. */
  readonly reveals?: boolean;
}

/**
 * A checkout of its own, as a new user has it: a Git repository without .mlops. The real entry points run
 * in it, with nothing of this process's environment that belongs to the developer's own stack.
 */
export interface Workspace {
  readonly root: string;
  /** Runs a shell command in the checkout. */
  run(command: string, options?: RunOptions): Promise<CommandResult>;
  /** `run` after `. ./env`. */
  inEnv(command: string, options?: RunOptions): Promise<CommandResult>;
  /** Starts a shell command in a process group of its own. */
  start(command: string, options?: RunOptions): RunningCommand;
  /** All that the commands have said so far, but for those that reveal. */
  transcript(): string;
  /** Absolute path of a file of the checkout. */
  path(...parts: string[]): string;
  /** Ends all that runs for this checkout and removes it. */
  remove(): Promise<void>;
}

const LIMIT_MS = 300_000;

/** Copies the checkout under test, with its uncommitted changes, into a new folder. */
export async function createWorkspace(purpose: string): Promise<Workspace> {
  const parent = realpathSync(tmpdir());
  await removeAbandoned(parent);
  const root = mkdtempSync(join(parent, `mlops-test-${process.pid}-${purpose}-`));
  const path = (...parts: string[]): string => join(root, ...parts);
  const running = new Set<RunningCommand>();
  const said: string[] = [];
  const environment = userEnvironment();

  const start: Workspace["start"] = (command, options = {}) => {
    const started = startCommand(command, {
      cwd: root,
      env: { ...environment, ...options.env },
      limitMs: options.limitMs ?? LIMIT_MS,
    });
    running.add(started);
    void started.ended.then(({ output }) => {
      running.delete(started);
      if (!options.reveals) said.push(output);
    });
    return started;
  };
  const workspace: Workspace = {
    root,
    path,
    start,
    run: (command, options) => start(command, options).ended,
    inEnv: (command, options) => start(`. ./env && ${command}`, options).ended,
    transcript: () => said.join("\n"),
    remove: async () => {
      for (const command of running) command.killGroup();
      await workspace.run(`${shellQuoted(process.execPath)} tools/embedded/cli.ts destroy`);
      await removeFolder(root);
    },
  };
  await copyCheckout(root);
  await makeRepository(workspace);
  return workspace;
}

/** Removes what test runs left that were killed themselves. */
async function removeAbandoned(parent: string): Promise<void> {
  for (const name of readdirSync(parent)) {
    const pid = /^mlops-test-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && processIdentity(Number(pid)) === undefined)
      await removeFolder(join(parent, name));
  }
}

/** Ends every process that still works in a folder, and removes it. */
async function removeFolder(root: string): Promise<void> {
  for (const { pid } of await processesOf(root)) killProcess(pid);
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
}

async function makeRepository(workspace: Workspace): Promise<void> {
  const author = "-c user.name=test -c user.email=test@example.com -c commit.gpgsign=false";
  const result = await workspace.run(
    // .gitignore names the folder node_modules/, and here it is a link.
    `git init -q && echo node_modules >>.git/info/exclude && git add -A && git ${author} commit -q -m copy`,
  );
  if (result.code !== 0) throw new Error(result.output);
}

/** Variables that belong to the developer's shell, this test run or another cluster. */
const foreign = /^(PULUMI_|MLOPS_|MAKE|MFLAGS|VITEST|TEST$|NODE_|npm_|KUBE|HELM_|GIT_|CLUSTER$|POD_START_)/;

/** This user's environment as a new shell has it, on a machine without Docker. */
function userEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  return {
    ...Object.fromEntries(kept),
    PATH: userPath(),
    // The toolchain is the user's own, already built: building it again would take an hour.
    MLOPS_CACHE: cacheDir(),
    CLUSTER: "embedded",
  };
}

/** PATH without what ./env and npm put there. */
function userPath(): string {
  const added = [projectRoot, cacheDir()];
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.filter((folder) => !added.some((parent) => folder.startsWith(`${parent}/`))).join(delimiter);
}
