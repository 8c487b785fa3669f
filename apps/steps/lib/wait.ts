import { setTimeout as delay } from "node:timers/promises";

const INTERVAL_MS = 100;
const REMINDER_MS = 10_000;

/**
 * Asks `check` until it finds nothing more to wait for.
 *
 * @param check Says what is still awaited, or undefined; an Error of it ends the waiting.
 * @throws Error with what was awaited last, after `seconds`.
 */
export async function waitUntil(
  what: string,
  seconds: number,
  check: () => Promise<string | undefined>,
  log: (line: string) => void,
): Promise<void> {
  const start = performance.now();
  let reminded = start;
  for (;;) {
    const awaited = await check();
    if (awaited === undefined) return;
    const now = performance.now();
    if (now - start > seconds * 1000) throw new Error(`${what}: not within ${seconds} s: ${awaited}`);
    if (now - reminded > REMINDER_MS) {
      reminded = now;
      log(`still waiting: ${awaited}`);
    }
    await delay(INTERVAL_MS);
  }
}
