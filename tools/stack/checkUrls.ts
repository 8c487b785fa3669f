import { readOutputs } from "./pulumi.ts";

/**
 * Asks every URL of the stack and prints its answer's status.
 *
 * @returns how many did not answer, or answered with a server error.
 */
export async function checkUrls(): Promise<number> {
  const { urls = {} } = await readOutputs();
  const checks = Object.entries(urls).flatMap(([name, { url }]) =>
    url === undefined ? [] : [{ name, url }],
  );
  const results = await Promise.all(checks.map(({ url }) => ask(url)));
  for (const [index, { name, url }] of checks.entries()) {
    console.log(`${name}  ${url}  ${results[index]?.text}`);
  }
  return results.filter((result) => !result.ok).length;
}

async function ask(url: string): Promise<{ ok: boolean; text: string }> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    return { ok: response.status < 500, text: String(response.status) };
  } catch (error) {
    return { ok: false, text: (error as Error).message };
  }
}
