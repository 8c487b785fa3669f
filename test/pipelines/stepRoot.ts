/** Where steps of a test read and write, and how they run there. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "@mlops/steps";

const entry = join(import.meta.dirname, "../../apps/steps/main.ts");

type Flags = Readonly<Record<string, string>>;

export interface StepResult {
  /** undefined if it was killed. */
  readonly code: number | undefined;
  /** What it said. */
  readonly log: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** Path of each output below the I/O root, for the next step. */
  readonly paths: Readonly<Record<string, string>>;
}

export class StepRoot {
  /** The I/O root. */
  readonly folder = mkdtempSync(join(tmpdir(), "mlops-steps-"));
  readonly #environment: () => Readonly<Record<string, string>>;
  #files = 0;

  /** @param environment Of every step, beside the I/O root. */
  constructor(environment: () => Readonly<Record<string, string>>) {
    this.#environment = environment;
  }

  environment(): Record<string, string> {
    return { ...this.#environment(), MLOPS_IO_ROOT: this.folder };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Path of a new file below the root. */
  write(name: string, content: string): string {
    const path = `/${++this.#files}-${name}`;
    writeFileSync(join(this.folder, path), content);
    return path;
  }

  /** Runs a step within this process. */
  async run(step: string, flags: Flags, outputs: readonly string[] = []): Promise<StepResult> {
    const { argv, paths } = this.#command(step, flags, outputs);
    let log = "";
    const code = await main(argv, this.environment(), {
      out: () => {},
      err: (text) => {
        log += text;
      },
    });
    return { code, log, outputs: this.#read(paths), paths };
  }

  /** Runs a step as a process of its own; `onStart` gets a way to kill it. */
  async spawn(
    step: string,
    flags: Flags,
    outputs: readonly string[] = [],
    onStart: (kill: () => void) => void = () => {},
  ): Promise<StepResult> {
    const { argv, paths } = this.#command(step, flags, outputs);
    const child = spawn(process.execPath, [entry, ...argv], {
      env: { ...process.env, ...this.environment() },
      stdio: ["ignore", "inherit", "pipe"],
    });
    onStart(() => child.kill("SIGKILL"));
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    return { code: code ?? undefined, log, outputs: this.#read(paths), paths };
  }

  #command(step: string, flags: Flags, outputs: readonly string[]) {
    const paths = Object.fromEntries(outputs.map((name) => [name, `/out/${++this.#files}-${name}`]));
    const argv = [
      step,
      ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
      ...Object.entries(paths).flatMap(([name, path]) => [`--output-${name}`, path]),
    ];
    return { argv, paths };
  }

  /** What was written. */
  #read(paths: Readonly<Record<string, string>>): Record<string, string> {
    const written = Object.entries(paths).filter(([, path]) => existsSync(join(this.folder, path)));
    return Object.fromEntries(
      written.map(([name, path]) => [name, readFileSync(join(this.folder, path), "utf8")]),
    );
  }
}
