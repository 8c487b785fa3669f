import { existsSync, readFileSync } from "node:fs";
import { type FinishedRun, logFile } from "@mlops/runner";

const tailLines = 15;

/** What a person wants to see first of a run that failed: the end of each failed step's log. */
export function failedLogs({ nodes, folder }: Pick<FinishedRun, "nodes" | "folder">): string[] {
  return Object.entries(nodes)
    .filter(([, { phase }]) => phase === "Failed" || phase === "Error")
    .flatMap(([name, { message, tries }]) => {
      const file = logFile(folder, name, (tries ?? 1) - 1);
      const head = `${name}: ${message ?? "failed"}`;
      if (!existsSync(file)) return [head];
      const lines = readFileSync(file, "utf8").trimEnd().split("\n").slice(-tailLines);
      return [`${head}; its log ${file} ends:`, ...lines.map((line) => `  ${line}`)];
    });
}
