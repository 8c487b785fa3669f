import { basename } from "node:path";
import { checkCharts, type ExceptionsFile } from "../charts/check.ts";
import { readExceptions } from "../charts/exceptions.ts";
import { parseDocuments } from "../manifests/parseManifests.ts";
import { readText, UnreadableError } from "../manifests/readInput.ts";
import type { Report } from "../manifests/report.ts";
import type { Context } from "../rules/types.ts";
import { type Open, readFiles } from "./check.ts";

/** Names what a folder holds. */
export type List = (folder: string) => Promise<string[]>;

/**
 * Judges rendered charts laid out as FOLDER/NAMESPACE/CHART.yaml, where NAMESPACE is the release's.
 * @param today as YYYY-MM-DD
 */
export async function checkFolder(
  rendered: string,
  exceptionsFile: string,
  context: Context,
  { open, list }: { open: Open; list: List },
  today: string,
): Promise<Report> {
  const found = await chartsIn(rendered, list);
  if (found.length === 0) throw new UnreadableError(`${rendered} holds no NAMESPACE/CHART.yaml`);
  const { read, unreadable } = await readFiles(
    found.map(({ file }) => file),
    open,
  );
  const charts = read.flatMap(({ file, manifests }) =>
    found.filter((chart) => chart.file === file).map((chart) => ({ ...chart, manifests })),
  );
  const exceptions = await readExceptionsFile(exceptionsFile, open);
  return { ...checkCharts(charts, exceptions, context, today), unreadable };
}

async function chartsIn(
  rendered: string,
  list: List,
): Promise<{ chart: string; namespace: string; file: string }[]> {
  const namespaces = await entries(rendered, list);
  const charts = namespaces.map(async (namespace) => {
    const files = await entries(`${rendered}/${namespace}`, list);
    return files
      .filter((file) => file.endsWith(".yaml"))
      .map((file) => ({
        chart: basename(file, ".yaml"),
        namespace,
        file: `${rendered}/${namespace}/${file}`,
      }));
  });
  return (await Promise.all(charts)).flat();
}

async function entries(folder: string, list: List): Promise<string[]> {
  try {
    return await list(folder);
  } catch (error) {
    throw new UnreadableError(
      `${folder} cannot be listed: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

async function readExceptionsFile(file: string, open: Open): Promise<ExceptionsFile> {
  try {
    const [document] = parseDocuments(await readText(open(file)));
    if (document === undefined) throw new UnreadableError("it is empty; write `exceptions: []`");
    return { file, exceptions: readExceptions(document.value), locate: document.locate };
  } catch (error) {
    throw new UnreadableError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
