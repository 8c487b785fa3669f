import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ArtifactStore } from "./artifacts.ts";
import type { Environments } from "./environment.ts";
import type { Attempt, AttemptResult, Host, NodeState, Outputs } from "./host.ts";
import { runProcess } from "./process.ts";

/** How commands of an image run on this machine. */
export interface Interpreter {
  /** Programs by their name in the image: `python` to the path of one here. */
  readonly programs: Readonly<Record<string, string>>;
  /** Folders of the image and where they are here: `/app` to this checkout. */
  readonly folders: Readonly<Record<string, string>>;
  /** What the image sets in its environment. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface ProcessHostOptions {
  /** Folder of the run; each try of a step gets one below it. */
  readonly folder: string;
  /** Prefix of artifacts' keys. */
  readonly keyPrefix: string;
  readonly environments: Environments;
  /** undefined for an image that nothing here can stand for. */
  readonly interpreterOf: (image: string) => Interpreter | undefined;
  readonly artifacts: () => ArtifactStore;
  /** Milliseconds that a step has to end after it was asked to. */
  readonly graceMs: number;
  readonly onChange: (node: string, state: NodeState) => void;
  readonly earlier: (node: string) => NodeState | undefined;
}

/** Runs steps as processes of this machine. */
export class ProcessHost implements Host {
  private readonly options: ProcessHostOptions;

  constructor(options: ProcessHostOptions) {
    this.options = options;
  }

  changed(node: string, state: NodeState): void {
    this.options.onChange(node, state);
  }

  earlier(node: string): NodeState | undefined {
    return this.options.earlier(node);
  }

  async pause(milliseconds: number, stop: AbortSignal): Promise<void> {
    await sleep(milliseconds, undefined, { signal: stop }).catch(() => {});
  }

  async attempt(attempt: Attempt, stop: AbortSignal): Promise<AttemptResult> {
    const folder = join(this.options.folder, "steps", attempt.node, String(attempt.number));
    try {
      rmSync(folder, { recursive: true, force: true });
      const root = join(folder, "io");
      this.makeFolders(attempt, root);
      for (const { key, path } of attempt.inputs) await this.options.artifacts().load(key, join(root, path));
      return await this.execute(attempt, folder, root, stop);
    } catch (error) {
      return { phase: "Error", message: (error as Error).message };
    }
  }

  private makeFolders({ container, inputs, outputs }: Attempt, root: string): void {
    const files = [...inputs, ...outputs.artifacts].map(({ path }) => path);
    const values = outputs.parameters.map(({ valueFrom }) => valueFrom.path);
    const mounts = container.volumeMounts.map(({ mountPath }) => mountPath);
    for (const path of ["/tmp", ...mounts, ...[...files, ...values].map(dirname)]) {
      mkdirSync(join(root, path), { recursive: true });
    }
  }

  private async execute(
    attempt: Attempt,
    folder: string,
    root: string,
    stop: AbortSignal,
  ): Promise<AttemptResult> {
    const { container, deadline } = attempt;
    const { environments } = this.options;
    const interpreter = this.options.interpreterOf(container.image);
    if (interpreter === undefined) throw new Error(`nothing here stands for image ${container.image}`);
    const declared = environments.of(container);
    const [command = "", ...args] = [...container.command, ...container.args].map((word) =>
      local(expand(word, declared, environments.secrets), interpreter),
    );
    const log = logFile(this.options.folder, attempt.node, attempt.number);
    mkdirSync(dirname(log), { recursive: true });
    const home = join(this.options.folder, "home");
    mkdirSync(home, { recursive: true });
    const result = await runProcess(
      {
        command: interpreter.programs[command] ?? command,
        args,
        cwd: folder,
        env: {
          PATH: process.env.PATH ?? "",
          LANG: "C.UTF-8",
          ...interpreter.environment,
          ...declared,
          // A pod's folders are its own; here they lie below the I/O root.
          HOME: home,
          TMPDIR: join(root, "tmp"),
          MLOPS_IO_ROOT: root,
        },
        log,
        secrets: environments.secrets,
        deadline,
        graceMs: this.options.graceMs,
      },
      stop,
    );
    if (result.ended === "deadline") {
      return { phase: "Failed", exitCode: result.exitCode, message: `took longer than its ${deadline} s` };
    }
    if (result.ended === "stopped") return { phase: "Failed", message: "the workflow was stopped" };
    if (result.exitCode !== 0) {
      return { phase: "Failed", exitCode: result.exitCode, message: `exit code ${result.exitCode}` };
    }
    return { phase: "Succeeded", exitCode: 0, outputs: await this.collect(attempt, root) };
  }

  private async collect({ node, number, outputs }: Attempt, root: string): Promise<Outputs> {
    const parameters = outputs.parameters.map(({ name, valueFrom }): [string, string] => [
      name,
      readOutput(join(root, valueFrom.path), name, valueFrom.default),
    ]);
    const artifacts: [string, string][] = [];
    for (const { name, path, optional } of outputs.artifacts) {
      const key = `${this.options.keyPrefix}/${node}/${number}/${name}.tgz`;
      try {
        await this.options.artifacts().save(join(root, path), key);
        artifacts.push([name, key]);
      } catch (error) {
        if (optional !== true) throw new Error(`artifact "${name}": ${(error as Error).message}`);
      }
    }
    return { parameters: Object.fromEntries(parameters), artifacts: Object.fromEntries(artifacts) };
  }
}

/** Where the log of one try of a step lies in a run's folder. */
export function logFile(runFolder: string, node: string, number: number): string {
  return join(runFolder, "logs", `${node}${number === 0 ? "" : `.${number}`}.log`);
}

function local(word: string, { folders }: Interpreter): string {
  const folder = Object.keys(folders).find((prefix) => word === prefix || word.startsWith(`${prefix}/`));
  return folder === undefined ? word : `${folders[folder]}${word.slice(folder.length)}`;
}

/**
 * Fills `$(NAME)` from the environment, as Kubernetes does: what is not there stays, and `$$(NAME)` is `$(NAME)`.
 *
 * @throws Error for a secret, which every process of the machine could read in the arguments.
 */
export function expand(
  word: string,
  environment: Readonly<Record<string, string>>,
  secrets: readonly string[],
): string {
  return word.replaceAll(/\$(\$?)\((\w+)\)/g, (whole, escaped: string, name: string) => {
    if (escaped !== "") return whole.slice(1);
    const value = environment[name];
    if (value !== undefined && secrets.includes(value)) {
      throw new Error(`$(${name}) would put a secret into the arguments`);
    }
    return value ?? whole;
  });
}

/** As Argo reads it: one line break at the end does not count. */
function readOutput(file: string, name: string, fallback: string | undefined): string {
  try {
    return readFileSync(file, "utf8").replace(/\n$/, "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    if (fallback !== undefined) return fallback;
    throw new Error(`it did not write its output "${name}"`);
  }
}
