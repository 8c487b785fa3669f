import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { NodeState } from "./host.ts";

const node = z.object({
  phase: z.enum(["Pending", "Running", "Succeeded", "Failed", "Error", "Skipped", "Omitted"]),
  message: z.string().optional(),
  startedAt: z.number().optional(),
  finishedAt: z.number().optional(),
  tries: z.number().optional(),
  exitCode: z.number().optional(),
  inputs: z.string().optional(),
  outputs: z
    .object({ parameters: z.record(z.string(), z.string()), artifacts: z.record(z.string(), z.string()) })
    .optional(),
});

const journal = z.object({
  version: z.literal(1),
  /** The run's name, which is also its folder's. */
  name: z.string(),
  uid: z.string(),
  pipeline: z.string(),
  namespace: z.string(),
  parameters: z.record(z.string(), z.string()),
  /** SHA-256 of the WorkflowTemplate's `.spec` that ran. */
  specSha256: z.string(),
  spec: z.unknown(),
  status: z.enum(["Running", "Succeeded", "Failed", "Error"]),
  nodes: z.record(z.string(), node),
});

export type RunRecord = z.infer<typeof journal>;

/** What happened in a run, on disk at every moment, so that a killed run can be resumed. */
export class Journal {
  readonly folder: string;
  private record: RunRecord;

  private constructor(folder: string, record: RunRecord) {
    this.folder = folder;
    this.record = record;
  }

  static create(runsFolder: string, record: Omit<RunRecord, "version" | "status" | "nodes">): Journal {
    const folder = join(runsFolder, record.name);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const made = new Journal(folder, { version: 1, ...record, status: "Running", nodes: {} });
    made.write();
    return made;
  }

  /**
   * Opens the journal of an earlier run.
   *
   * @throws Error naming the runs that there are when there is no such run.
   */
  static open(runsFolder: string, name: string): Journal {
    const folder = join(runsFolder, name);
    const file = join(folder, "run.json");
    if (!/^[\w.-]+$/.test(name) || !existsSync(file)) {
      const known = existsSync(runsFolder) ? readdirSync(runsFolder).sort().slice(-10) : [];
      throw new Error(`there is no run "${name}"; the latest runs: ${known.join(", ") || "none"}`);
    }
    const parsed = journal.safeParse(JSON.parse(readFileSync(file, "utf8")));
    if (!parsed.success)
      throw new Error(`${file} is not a journal of this version:\n${z.prettifyError(parsed.error)}`);
    return new Journal(folder, parsed.data as RunRecord);
  }

  get run(): RunRecord {
    return this.record;
  }

  setStatus(status: RunRecord["status"]): void {
    this.record = { ...this.record, status };
    this.write();
  }

  setNode(name: string, state: NodeState): void {
    this.record.nodes[name] = { ...state } as RunRecord["nodes"][string];
    this.write();
  }

  private write(): void {
    const file = join(this.folder, "run.json");
    writeFileSync(`${file}.new`, JSON.stringify(this.record, undefined, 2), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
}
