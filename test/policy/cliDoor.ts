import { run } from "../../policy/cli/run.ts";
import { createContext } from "../../policy/context.ts";

/** What a run of the CLI did. */
export interface CliResult {
  readonly code: number;
  readonly output: string;
  readonly complaints: string;
}

/**
 * Runs the CLI in this process.
 * @param files content by path; `-` is standard input
 */
export async function runCli(
  argv: readonly string[],
  files: Readonly<Record<string, string | Uint8Array>>,
  today = "2026-11-21",
): Promise<CliResult> {
  const printed: string[] = [];
  const complaints: string[] = [];
  const code = await run(argv, {
    open: async function* (file) {
      const content = files[file];
      if (content === undefined) throw new Error(`ENOENT: no such file, open '${file}'`);
      yield typeof content === "string" ? new TextEncoder().encode(content) : content;
    },
    list: async (folder) => {
      const below = Object.keys(files).filter((file) => file.startsWith(`${folder}/`));
      return [...new Set(below.map((file) => file.slice(folder.length + 1).split("/")[0] ?? ""))];
    },
    stackContext: (stack) => {
      if (stack === "torn") throw new Error("the file is torn");
      return stack === "local" ? createContext() : undefined;
    },
    today: () => today,
    print: (text) => printed.push(text),
    complain: (text) => complaints.push(text),
  });
  return { code, output: printed.join(""), complaints: complaints.join("") };
}
