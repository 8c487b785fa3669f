import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { z } from "zod";
import { InputError } from "./errors.ts";

/** Files that a step reads and writes. Every path lies below the I/O root: `/` in a pod, a folder elsewhere. */
export class StepFiles {
  readonly #root: string;

  constructor(root: string) {
    this.#root = existsSync(root) ? realpathSync(root) : resolve(root);
  }

  /**
   * The JSON that an earlier step wrote.
   *
   * @throws InputError if it is missing, is not JSON or does not have this shape.
   */
  readJson<Schema extends z.ZodType>(path: string, schema: Schema): z.infer<Schema> {
    const file = this.#locate(path);
    const parsed = schema.safeParse(reading(file, () => JSON.parse(readFileSync(file, "utf8"))));
    if (parsed.success) return parsed.data;
    throw new InputError(`${file} is not what this step reads\n${z.prettifyError(parsed.error)}`);
  }

  /**
   * The text that an earlier step wrote.
   *
   * @throws InputError if it is missing.
   */
  readText(path: string): string {
    const file = this.#locate(path);
    return reading(file, () => readFileSync(file, "utf8"));
  }

  /** Writes an output whole or not at all. */
  write(path: string, content: string | Uint8Array): void {
    const file = this.#locate(path);
    mkdirSync(dirname(file), { recursive: true });
    const partial = join(dirname(file), `.${process.pid}.partial`);
    writeFileSync(partial, content);
    renameSync(partial, file);
  }

  #locate(path: string): string {
    const file = join(this.#root, path);
    if (!relative(this.#root, file).startsWith("..")) return file;
    throw new InputError(`${path} lies outside of the I/O root ${this.#root}`);
  }
}

function reading<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new InputError(
      `cannot read ${file}: ${(error as Error).message}; did the step that writes it succeed?`,
    );
  }
}
